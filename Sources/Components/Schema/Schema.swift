package import COctavo

/// What a component type says of its metadata; copied from the plugin once.
package struct Schema: Sendable {
    package struct Field: Sendable {
        package let name: String
        package let aliases: [String]
        package let type: Int32
        package let flags: UInt32
        package let defaultText: String?
        package let allowed: [String]
        package let minimum: Double
        package let maximum: Double
        package let unitNanoseconds: Int64
        package let profile: String
        package let deprecatedBy: String
        package let description: String
        package let example: String

        package var isRequired: Bool { flags & UInt32(OCTAVO_FIELD_REQUIRED) != 0 }
        package var isSensitive: Bool { flags & UInt32(OCTAVO_FIELD_SENSITIVE) != 0 }
        package var isHot: Bool { flags & UInt32(OCTAVO_FIELD_HOT) != 0 }

        package var typeName: String {
            switch type {
            case OCTAVO_FIELD_INTEGER: "integer"
            case OCTAVO_FIELD_NUMBER: "number"
            case OCTAVO_FIELD_BOOLEAN: "boolean"
            case OCTAVO_FIELD_DURATION: "duration"
            case OCTAVO_FIELD_BYTE_SIZE: "byte size"
            case OCTAVO_FIELD_URL: "url"
            case OCTAVO_FIELD_ENUM: "one of \(allowed.joined(separator: ", "))"
            case OCTAVO_FIELD_LIST: "list"
            default: "string"
            }
        }
    }

    package let title: String
    package let description: String
    package let maturity: String
    package let fields: [Field]
    package let profiles: [String]

    init(_ raw: UnsafePointer<octavo_schema>?) {
        guard let schema = raw?.pointee else {
            title = ""
            description = ""
            maturity = ""
            fields = []
            profiles = []
            return
        }
        title = String(schema.title)
        description = String(schema.description)
        maturity = String(schema.maturity)
        fields = schema.fields.elements(as: octavo_field.self).map { field in
            Field(
                name: String(field.name), aliases: field.aliases.elements(as: octavo_str.self).map { String($0) },
                type: field.type, flags: field.flags,
                defaultText: field.default_text.isPresent ? String(field.default_text) : nil,
                allowed: field.allowed.elements(as: octavo_str.self).map { String($0) },
                minimum: field.minimum, maximum: field.maximum, unitNanoseconds: field.unit_ns,
                profile: String(field.profile), deprecatedBy: String(field.deprecated_by),
                description: String(field.description), example: String(field.example))
        }
        profiles = schema.profiles.elements(as: octavo_profile.self).map { String($0.name) }
    }

    /// The field of that name or alias, without regard to case.
    package func field(_ name: String) -> Field? {
        let name = name.lowercased()
        return fields.first { $0.name.lowercased() == name || $0.aliases.contains { $0.lowercased() == name } }
    }
}
