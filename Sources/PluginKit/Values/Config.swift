/// The settings that an instance is made from, checked and parsed by the runtime. Valid during
/// `create`: what is kept must be copied.
public struct Config {
    public let raw: UnsafePointer<octavo_config>

    /// A setting by the name of its field; `nil` when it is not written and has no default.
    public func value(_ name: StaticString) -> UnsafePointer<octavo_value>? {
        let values = raw.pointee.values
        var index = 0
        while index < Int(values.count) {
            let value = values.at(index, as: octavo_value.self)
            if value.pointee.name.equals(name) { return value }
            index += 1
        }
        return nil
    }

    /// As written; absent when there is none.
    public func text(_ name: StaticString) -> Str { value(name)?.pointee.text ?? .absent }

    /// As written, copied; `nil` when it is absent or empty.
    public func string(_ name: StaticString) -> String? {
        let text = text(name)
        return text.isEmpty ? nil : text.string
    }

    /// As written, copied and ended by a NUL for C; `nil` when it is absent or empty.
    public func cString(_ name: StaticString) -> [CChar]? {
        let text = text(name)
        if text.isEmpty { return nil }
        var copy = [CChar](UnsafeBufferPointer(start: text.data, count: text.count))
        copy.append(0)
        return copy
    }

    /// The number of an integer or a byte size, the index of an enum.
    public func integer(_ name: StaticString) -> Int64? {
        guard let value = value(name), !value.pointee.text.isEmpty else { return nil }
        return value.pointee.integer
    }

    /// Of a number.
    public func number(_ name: StaticString) -> Double? {
        guard let value = value(name), !value.pointee.text.isEmpty else { return nil }
        return value.pointee.number
    }

    public func flag(_ name: StaticString) -> Bool { (integer(name) ?? 0) != 0 }

    /// Nanoseconds.
    public func duration(_ name: StaticString) -> Int64? { integer(name) }

    public var component: Str { raw.pointee.component }
    public var type: Str { raw.pointee.type }
    public var dataDirectory: Str { raw.pointee.data_dir }
}
