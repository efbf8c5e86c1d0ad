/// A small reader of what S3 answers with: elements and their text. No document types, hence no entities but the five.
/// Pure.
struct XMLReader {
    private static let maxDepth = 16

    /// Calls `element` at the end of each element, with the names on the way to it, without namespaces, and its own text.
    /// `false`: it is no XML, or is deeper than sixteen elements.
    static func read(_ bytes: [UInt8], element: ([[UInt8]], [UInt8]) -> Void) -> Bool {
        var at = 0, path: [[UInt8]] = [], texts: [[UInt8]] = [], hasRoot = false
        /// The place after `text`, from `from` on.
        func after(_ text: StaticString, _ from: Int) -> Int? {
            let size = text.utf8CodeUnitCount
            var place = from
            while place + size <= bytes.count {
                if starts(text, place) { return place + size }
                place += 1
            }
            return nil
        }
        func starts(_ text: StaticString, _ place: Int) -> Bool {
            guard place + text.utf8CodeUnitCount <= bytes.count else { return false }
            for index in 0..<text.utf8CodeUnitCount where bytes[place + index] != text.utf8Start[index] { return false }
            return true
        }
        while at < bytes.count {
            if bytes[at] != 0x3c {
                let from = at
                while at < bytes.count, bytes[at] != 0x3c { at += 1 }
                if path.isEmpty { continue }
                guard let text = decoded(bytes[from..<at]) else { return false }
                texts[texts.count - 1] += text
            } else if starts("<?", at) {
                guard let end = after("?>", at) else { return false }
                at = end
            } else if starts("<!--", at) {
                guard let end = after("-->", at + 4) else { return false }
                at = end
            } else if starts("<![CDATA[", at) {
                guard !path.isEmpty, let end = after("]]>", at) else { return false }
                texts[texts.count - 1] += bytes[(at + 9)..<(end - 3)]
                at = end
            } else if starts("</", at) {
                guard let end = after(">", at), let name = path.last else { return false }
                var written = bytes[(at + 2)..<(end - 1)]
                while let last = written.last, isSpace(last) { written.removeLast() }
                guard local(written).elementsEqual(name) else { return false }
                element(path, texts.removeLast())
                path.removeLast()
                at = end
            } else {
                if path.isEmpty && hasRoot || path.count >= maxDepth { return false }
                hasRoot = true
                at += 1
                let from = at
                while at < bytes.count, !isSpace(bytes[at]), bytes[at] != 0x3e, bytes[at] != 0x2f { at += 1 }
                let name = local(bytes[from..<at])
                guard let first = name.first, first != 0x21 else { return false }
                path.append(name)
                texts.append([])
                // Attributes are passed over.
                var quote: UInt8 = 0
                while at < bytes.count, quote != 0 || bytes[at] != 0x3e {
                    if quote != 0 {
                        if bytes[at] == quote { quote = 0 }
                    } else if bytes[at] == 0x22 || bytes[at] == 0x27 {
                        quote = bytes[at]
                    }
                    at += 1
                }
                guard at < bytes.count else { return false }
                if bytes[at - 1] == 0x2f {
                    element(path, texts.removeLast())
                    path.removeLast()
                }
                at += 1
            }
        }
        return hasRoot && path.isEmpty
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d }

    private static func local(_ name: ArraySlice<UInt8>) -> [UInt8] {
        guard let colon = name.firstIndex(of: 0x3a) else { return [UInt8](name) }
        return [UInt8](name[(colon + 1)...])
    }

    private static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.contains(0x26) else { return [UInt8](text) }
        var out: [UInt8] = [], at = text.startIndex
        while at < text.endIndex {
            guard text[at] == 0x26 else {
                out.append(text[at])
                at += 1
                continue
            }
            guard let end = text[at...].firstIndex(of: 0x3b), end - at <= 10, let scalar = self.scalar(text[(at + 1)..<end]) else { return nil }
            // All scalars make valid UTF-8.
            UTF8.encode(scalar).map { out += $0 }
            at = end + 1
        }
        return out
    }

    private static func scalar(_ name: ArraySlice<UInt8>) -> Unicode.Scalar? {
        let known: [(StaticString, UInt32)] = [("lt", 0x3c), ("gt", 0x3e), ("amp", 0x26), ("quot", 0x22), ("apos", 0x27)]
        for (word, value) in known where word.utf8CodeUnitCount == name.count {
            var isSame = true
            for (index, byte) in name.enumerated() where byte != word.utf8Start[index] { isSame = false }
            if isSame { return Unicode.Scalar(value) }
        }
        guard name.first == 0x23, name.count > 1 else { return nil }
        var digits = name.dropFirst(), base: UInt32 = 10, value: UInt32 = 0
        if digits.first == 0x78 || digits.first == 0x58 {
            digits = digits.dropFirst()
            base = 16
        }
        if digits.isEmpty { return nil }
        for byte in digits {
            let digit: UInt32
            switch byte {
            case 0x30...0x39: digit = UInt32(byte - 0x30)
            case 0x61...0x66: digit = UInt32(byte - 0x57)
            case 0x41...0x46: digit = UInt32(byte - 0x37)
            default: return nil
            }
            if digit >= base || value > 0x10ffff { return nil }
            value = value * base + digit
        }
        return Unicode.Scalar(value)
    }
}
