import TextSearch

/// libyaml's words for a syntax error as a sentence that says what to do. The words are stable: they are
/// those of libyaml 0.1 to 0.2.5.
func explainSyntax(problem: String, context: String, contextLine: Int, found byte: UInt8) -> String {
    switch problem {
    case "found character that cannot start any token":
        if byte == 0x09 { return "a tab is used for indentation; YAML wants spaces" }
        let shown = byte > 0x20 && byte < 0x7f ? "'\(Character(Unicode.Scalar(byte)))'" : "this character"
        return "a value without quotes can't start with \(shown); put the value in quotes"
    case "found a tab character that violates indentation",
        "found a tab character where an indentation space is expected":
        return "a tab is used for indentation; YAML wants spaces"
    case "mapping values are not allowed in this context":
        return
            "a ':' stands where no name can be; align the line with its neighbours, or put a value that has ': ' in it "
            + "in quotes"
    case "did not find expected key":
        return "the indentation does not fit the \(subject(context)) that starts at line \(contextLine); "
            + "align the line with its neighbours"
    case "did not find expected '-' indicator":
        return "the list that starts at line \(contextLine) goes on with a line that has no '-'; start each item with "
            + "'- ' in the same column"
    case "could not find expected ':'":
        return "the name at line \(contextLine) has no ':' after it; write 'name: value'"
    case "found unexpected end of stream" where context.contains(text: "quoted scalar"),
        "found unexpected document indicator" where context.contains(text: "quoted scalar"):
        return "the quote that opens at line \(contextLine) is never closed; add the closing quote"
    case "did not find expected ',' or ']'":
        return "the list that opens at line \(contextLine) with '[' is not closed; add ',' or ']'"
    case "did not find expected ',' or '}'":
        return "the mapping that opens at line \(contextLine) with '{' is not closed; add ',' or '}'"
    case "block sequence entries are not allowed in this context":
        return "a list item '-' stands where no list can be; put the list on its own line below the name"
    case "found unknown escape character":
        return "there is no such escape in double quotes; write '\\\\' for a backslash, or use single quotes"
    case "did not find expected <document start>":
        return "text follows the end of the document; separate documents with a line of '---'"
    default:
        return context.isEmpty ? problem : "\(problem) (\(context))"
    }
}

private func subject(_ context: String) -> String {
    context.contains(text: "sequence") || context.contains(text: "collection") ? "list" : "mapping"
}
