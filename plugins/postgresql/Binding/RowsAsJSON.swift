import PluginKit

/// Object numbers of types, which never change.
private enum Kind {
    static let bool: UInt32 = 16, bytea: UInt32 = 17, int8: UInt32 = 20, int2: UInt32 = 21, int4: UInt32 = 23, oid: UInt32 = 26
    static let json: UInt32 = 114, float4: UInt32 = 700, float8: UInt32 = 701, date: UInt32 = 1082, timestamp: UInt32 = 1114
    static let timestamptz: UInt32 = 1184, numeric: UInt32 = 1700, jsonb: UInt32 = 3802
}

/// An array with an array for each row, of a result in the server's text form. Numbers, truth values and JSON are themselves,
/// times RFC 3339, bytes base64, all else is text.
func rowsAsJSON(_ rows: Rows) -> [UInt8] {
    var json: [UInt8] = [0x5B]
    for row in 0..<rows.count {
        if row > 0 { json.append(0x2C) }
        json.append(0x5B)
        for column in 0..<rows.columns {
            if column > 0 { json.append(0x2C) }
            append(rows.text(row, column), rows.type(column), to: &json)
        }
        json.append(0x5D)
    }
    json.append(0x5D)
    return json
}

private func append(_ value: Str, _ type: UInt32, to json: inout [UInt8]) {
    guard value.isPresent else { return json += Str("null").array }
    switch type {
    case Kind.bool: json += Str(value.equals("t") ? "true" : "false").array
    case Kind.int2, Kind.int4, Kind.int8, Kind.oid, Kind.float4, Kind.float8, Kind.numeric:
        // NaN and Infinity are no numbers of JSON.
        let last = value.raw.last ?? 0
        if last >= 0x30 && last <= 0x39 { json += value.raw } else { quote(value.raw, to: &json) }
    case Kind.json, Kind.jsonb: json += value.raw
    case Kind.date, Kind.timestamp, Kind.timestamptz: quote(time(value.array, type), to: &json)
    case Kind.bytea: quote(bytes(value.array), to: &json)
    default: quote(value.raw, to: &json)
    }
}

/// "2026-01-02 03:04:05.6+02" becomes "2026-01-02T03:04:05.6+02:00"; what has another form (infinity, BC) stays.
private func time(_ text: [UInt8], _ type: UInt32) -> [UInt8] {
    guard text.count >= 10, text[4] == 0x2D, text.last != 0x43 else { return text }
    if type == Kind.date { return text + Str("T00:00:00Z").array }
    guard text.count >= 19, text[10] == 0x20 else { return text }
    var result = text
    result[10] = 0x54
    if type == Kind.timestamp { return result + [0x5A] }
    guard let sign = result.lastIndex(where: { $0 == 0x2B || $0 == 0x2D }), sign > 10 else { return text }
    if result[sign...] == Str("+00").array[...] { return result[..<sign] + [0x5A] }
    if result.count == sign + 3 { result += Str(":00").array }
    return result
}

/// "\x0aff" becomes base64.
private func bytes(_ text: [UInt8]) -> [UInt8] {
    guard text.count >= 2, text[0] == 0x5C, text[1] == 0x78 else { return text }
    func digit(_ byte: UInt8) -> UInt8 { byte < 0x40 ? byte & 15 : (byte & 15) + 9 }
    var raw: [UInt8] = []
    raw.reserveCapacity(text.count / 2)
    var at = 2
    while at + 1 < text.count {
        raw.append(digit(text[at]) << 4 | digit(text[at + 1]))
        at += 2
    }
    var encoded = [UInt8](repeating: 0, count: Base64.encodedSize(raw.count))
    raw.withUnsafeBytes { raw in encoded.withUnsafeMutableBufferPointer { if raw.count > 0 { Base64.encode(raw, to: $0.baseAddress!) } } }
    return encoded
}

private func quote<Text: Sequence>(_ text: Text, to json: inout [UInt8]) where Text.Element == UInt8 {
    let digits: StaticString = "0123456789abcdef"
    json.append(0x22)
    for byte in text {
        switch byte {
        case 0x22, 0x5C: json += [0x5C, byte]
        case 0..<0x20: json += [0x5C, 0x75, 0x30, 0x30, digits.utf8Start[Int(byte >> 4)], digits.utf8Start[Int(byte & 15)]]
        default: json.append(byte)
        }
    }
    json.append(0x22)
}
