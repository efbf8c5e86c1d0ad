/// A shell that completes command lines.
package enum CompletionShell: Sendable {
    case bash, zsh, fish
}

extension ParsableCommand {
    /// What the shell reads to complete this command: it asks the command itself, each time.
    package static func completionScript(for shell: CompletionShell) -> String {
        let name = configuration.name
        return switch shell {
        case .bash: bash(name)
        case .zsh: zsh(name)
        case .fish: fish(name)
        }
    }

    private static func bash(_ name: String) -> String {
        """
        # Completion of \(name) for bash.
        _\(name)() {
            local IFS=$'\\n' line
            local lines=($("${COMP_WORDS[0]}" \(Completion.request) "$COMP_CWORD" "${COMP_WORDS[@]}" 2>/dev/null))
            COMPREPLY=()
            if [[ "${lines[0]}" == "\(Completion.files)"* ]]; then
                compopt -o default
                return
            fi
            for line in "${lines[@]}"; do
                COMPREPLY+=("${line%%$'\\t'*}")
            done
        }
        complete -F _\(name) \(name)

        """
    }

    private static func zsh(_ name: String) -> String {
        """
        #compdef \(name)
        # Completion of \(name) for zsh.
        _\(name)() {
            local line
            local -a lines candidates
            lines=("${(@f)$("${words[1]}" \(Completion.request) $((CURRENT - 1)) "${words[@]}" 2>/dev/null)}")
            if [[ "${lines[1]}" == "\(Completion.files)"* ]]; then
                _files
                return
            fi
            for line in "${lines[@]}"; do
                [[ -n "$line" ]] && candidates+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}")
            done
            _describe '\(name)' candidates
        }
        if [ "${funcstack[1]}" = "_\(name)" ]; then
            _\(name) "$@"
        else
            compdef _\(name) \(name)
        fi

        """
    }

    private static func fish(_ name: String) -> String {
        """
        # Completion of \(name) for fish.
        function __\(name)_complete
            set -l words (commandline -opc)
            set -l current (commandline -ct)
            set -l lines ($words[1] \(Completion.request) (count $words) $words "$current" 2>/dev/null)
            if string match -q -- '\(Completion.files)*' "$lines[1]"
                __fish_complete_path "$current"
            else
                printf '%s\\n' $lines
            end
        end
        complete -c \(name) -f -a '(__\(name)_complete)'

        """
    }
}
