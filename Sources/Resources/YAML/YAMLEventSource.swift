import CLibYAML

/// The border to libyaml: pulls events out of borrowed bytes. The bytes must outlive it, which
/// `YAMLText.documents` guarantees by making and using it within one `withUnsafeBufferPointer`.
struct YAMLEventSource: ~Copyable {
    /// On the heap, because libyaml keeps pointers into the struct.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let bytes: UnsafeBufferPointer<UInt8>
    /// Lines before the bytes in their file.
    private let firstLine: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>, firstLine: Int) throws(YAMLError) {
        self.bytes = bytes
        self.firstLine = firstLine
        parser = .allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            throw YAMLError(SourceMark(line: firstLine, column: 1), "there is not enough memory to read the file")
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// The next event; after an error or `streamEnd` there is none and it must not be called again.
    mutating func next() throws(YAMLError) -> YAMLEvent {
        while true {
            var raw = yaml_event_t()
            guard yaml_parser_parse(parser, &raw) == 1 else { throw syntaxError() }
            defer { yaml_event_delete(&raw) }
            let mark = place(raw.start_mark)
            switch raw.type {
            case YAML_DOCUMENT_START_EVENT: return YAMLEvent(kind: .documentStart, mark: mark)
            case YAML_DOCUMENT_END_EVENT: return YAMLEvent(kind: .documentEnd, mark: mark)
            case YAML_SEQUENCE_END_EVENT: return YAMLEvent(kind: .sequenceEnd, mark: mark)
            case YAML_MAPPING_END_EVENT: return YAMLEvent(kind: .mappingEnd, mark: mark)
            case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return YAMLEvent(kind: .streamEnd, mark: mark)
            case YAML_ALIAS_EVENT:
                return YAMLEvent(kind: .alias(text(raw.data.alias.anchor) ?? ""), mark: mark)
            case YAML_SEQUENCE_START_EVENT:
                let data = raw.data.sequence_start
                return YAMLEvent(kind: .sequenceStart, mark: mark, anchor: text(data.anchor), tag: text(data.tag))
            case YAML_MAPPING_START_EVENT:
                let data = raw.data.mapping_start
                return YAMLEvent(kind: .mappingStart, mark: mark, anchor: text(data.anchor), tag: text(data.tag))
            case YAML_SCALAR_EVENT:
                let data = raw.data.scalar
                let value = String(decoding: UnsafeBufferPointer(start: data.value, count: data.length), as: UTF8.self)
                return YAMLEvent(
                    kind: .scalar(value, style(data.style)), mark: mark, anchor: text(data.anchor), tag: text(data.tag))
            default: continue
            }
        }
    }

    private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    private func style(_ style: yaml_scalar_style_t) -> YAMLNode.ScalarStyle {
        switch style {
        case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
        case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
        case YAML_LITERAL_SCALAR_STYLE: .literal
        case YAML_FOLDED_SCALAR_STYLE: .folded
        default: .plain
        }
    }

    private func place(_ mark: yaml_mark_t) -> SourceMark {
        SourceMark(line: firstLine + mark.line, column: mark.column + 1)
    }

    /// The first byte of the character at a mark, which counts characters; 0 at the end.
    private func byte(at mark: yaml_mark_t) -> UInt8 {
        var at = 0
        for _ in 0..<mark.line {
            while at < bytes.count, bytes[at] != 0x0a { at += 1 }
            at += 1
        }
        for _ in 0..<mark.column {
            at += 1
            while at < bytes.count, bytes[at] & 0xc0 == 0x80 { at += 1 }
        }
        return at < bytes.count ? bytes[at] : 0
    }

    private func isEnd(_ problem: UnsafePointer<CChar>?) -> Bool {
        problem.map { String(cString: $0) } == "found unexpected end of stream"
    }

    private func syntaxError() -> YAMLError {
        let failure = parser.pointee
        let context = failure.context.map { String(cString: $0) } ?? ""
        // What is wrong with an open quote is where it opens, not where the text ends.
        let mark =
            context == "while scanning a quoted scalar" && isEnd(failure.problem)
            ? failure.context_mark : failure.problem_mark
        return YAMLError(
            place(mark),
            explainSyntax(
                problem: failure.problem.map { String(cString: $0) } ?? "the text is not YAML", context: context,
                contextLine: place(failure.context_mark).line, found: byte(at: mark)))
    }
}
