import Arguments
import Console
import Glibc

/// `octavo completion`
struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion",
        abstract: "Print the completion script of a shell.",
        discussion: """
            EXAMPLES
              octavo completion bash > /etc/bash_completion.d/octavo
              octavo completion zsh > ~/.zsh/completion/_octavo
              octavo completion fish > ~/.config/fish/completions/octavo.fish
            """)

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash, zsh, fish
    }

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    func run() {
        Terminal.write(Self.script(for: shell), to: STDOUT_FILENO)
    }

    static func script(for shell: Shell) -> String {
        switch shell {
        case .bash: Octavo.completionScript(for: .bash)
        case .zsh: Octavo.completionScript(for: .zsh)
        case .fish: Octavo.completionScript(for: .fish)
        }
    }
}
