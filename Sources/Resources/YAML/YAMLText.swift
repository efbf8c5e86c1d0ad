/// A text of one or more YAML documents.
package enum YAMLText {
    /// Reads every document. One that can't be read costs neither those before nor those after it: the text
    /// is cut at its `---` lines first, which are document markers wherever they stand (YAML 1.2.2 §9.1.2).
    ///
    /// - Parameter bytes: UTF-8, with or without a byte order mark.
    /// - Returns: the documents in order, each a tree or the reason why there is none. Empty ones are left out.
    package static func documents(
        _ bytes: [UInt8], limits: YAMLLimits = YAMLLimits()
    ) -> [Result<YAMLNode, YAMLError>] {
        guard bytes.count <= limits.bytes else {
            return [
                .failure(
                    YAMLError(
                        SourceMark(line: 1, column: 1),
                        "the file has \(bytes.count) bytes; at most \(limits.bytes) are read: split it up"))
            ]
        }
        return bytes.withUnsafeBufferPointer { buffer in
            var results: [Result<YAMLNode, YAMLError>] = []
            for (number, piece) in DocumentPieces(buffer).enumerated() {
                guard number < limits.documents else {
                    let mark = SourceMark(line: piece.firstLine, column: 1)
                    results.append(
                        .failure(
                            YAMLError(
                                mark,
                                "the file has more than \(limits.documents) documents; the rest is not read: split it up"
                            )))
                    break
                }
                do throws(YAMLError) {
                    try checkCharacters(piece.bytes, firstLine: piece.firstLine)
                    var composer = YAMLComposer(
                        try YAMLEventSource(piece.bytes, firstLine: piece.firstLine), limits: limits)
                    while let node = try composer.document() {
                        if !node.isNull { results.append(.success(node)) }
                    }
                } catch {
                    results.append(.failure(error))
                }
            }
            return results
        }
    }
}

/// libyaml tells neither line nor cause of a byte that can't be in a text, so it is looked for first.
private func checkCharacters(_ bytes: UnsafeBufferPointer<UInt8>, firstLine: Int) throws(YAMLError) {
    var line = firstLine
    var column = 1
    var at = 0
    while at < bytes.count {
        let byte = bytes[at]
        switch byte {
        case 0x0a:
            line += 1
            column = 0
            at += 1
        case 0x20...0x7e, 0x09, 0x0d: at += 1
        case 0..<0x80:
            let name = byte == 0 ? "a NUL byte" : "the control character 0x\(hexadecimal(byte))"
            throw YAMLError(
                SourceMark(line: line, column: column),
                "the text holds \(name); remove it, or write it as an escape in double quotes")
        default:
            let length = utf8Length(bytes, at)
            guard length > 0 else {
                throw YAMLError(
                    SourceMark(line: line, column: column),
                    "the byte 0x\(hexadecimal(byte)) is not UTF-8; save the file as UTF-8")
            }
            // What YAML 1.2.2 §5.1 leaves out: C1 controls but the line break, and two noncharacters.
            let isControl = byte == 0xc2 && bytes[at + 1] < 0xa0 && bytes[at + 1] != 0x85
            guard !isControl, !(byte == 0xef && bytes[at + 1] == 0xbf && bytes[at + 2] >= 0xbe) else {
                throw YAMLError(
                    SourceMark(line: line, column: column),
                    "the text holds a character that YAML does not allow; remove it, or write it as an escape in double quotes"
                )
            }
            at += length
        }
        column += 1
    }
}

private func hexadecimal(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
}
