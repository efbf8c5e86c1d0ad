/// One setting of a component, as `octavo_field` describes it.
public struct Field {
    var raw: octavo_field
    var words: [StaticString] = []
    var otherNames: [StaticString] = []

    init(_ name: StaticString, _ type: Int32, _ flags: UInt32, _ fallback: StaticString, _ example: StaticString, _ description: StaticString) {
        raw = octavo_field()
        raw.name = Str(name)
        raw.type = type
        raw.flags = flags
        if fallback.utf8CodeUnitCount > 0 { raw.default_text = Str(fallback) }
        if example.utf8CodeUnitCount > 0 { raw.example = Str(example) }
        raw.description = Str(description)
    }

    public static func string(
        _ name: StaticString, required: Bool = false, sensitive: Bool = false, default fallback: StaticString = "",
        example: StaticString = "", _ description: StaticString
    ) -> Field {
        let flags = (required ? OCTAVO_FIELD_REQUIRED : 0) | (sensitive ? OCTAVO_FIELD_SENSITIVE : 0)
        return Field(name, OCTAVO_FIELD_STRING, flags, fallback, example, description)
    }

    public static func boolean(_ name: StaticString, default fallback: StaticString = "", _ description: StaticString) -> Field {
        Field(name, OCTAVO_FIELD_BOOLEAN, 0, fallback, "", description)
    }

    public static func integer(
        _ name: StaticString, default fallback: StaticString = "", from minimum: Double? = nil, to maximum: Double? = nil,
        example: StaticString = "", _ description: StaticString
    ) -> Field {
        Field(name, OCTAVO_FIELD_INTEGER, 0, fallback, example, description).within(minimum, maximum)
    }

    public static func number(
        _ name: StaticString, default fallback: StaticString = "", from minimum: Double? = nil, to maximum: Double? = nil,
        example: StaticString = "", _ description: StaticString
    ) -> Field {
        Field(name, OCTAVO_FIELD_NUMBER, 0, fallback, example, description).within(minimum, maximum)
    }

    public static func byteSize(
        _ name: StaticString, default fallback: StaticString = "", example: StaticString = "", _ description: StaticString
    ) -> Field {
        Field(name, OCTAVO_FIELD_BYTE_SIZE, 0, fallback, example, description)
    }

    /// `unit` is what a bare integer counts, in nanoseconds.
    public static func duration(
        _ name: StaticString, default fallback: StaticString = "", unit: Int64 = 1_000_000_000,
        example: StaticString = "", _ description: StaticString
    ) -> Field {
        var field = Field(name, OCTAVO_FIELD_DURATION, 0, fallback, example, description)
        field.raw.unit_ns = unit
        return field
    }

    public static func word(
        _ name: StaticString, of words: [StaticString], default fallback: StaticString = "", _ description: StaticString
    ) -> Field {
        var field = Field(name, OCTAVO_FIELD_ENUM, 0, fallback, "", description)
        field.words = words
        return field
    }

    public func alias(_ names: StaticString...) -> Field {
        var field = self
        field.otherNames = names
        return field
    }

    /// Part of a named group of settings, of which one must be complete.
    public func profile(_ name: StaticString) -> Field {
        var field = self
        field.raw.profile = Str(name)
        return field
    }

    private func within(_ minimum: Double?, _ maximum: Double?) -> Field {
        var field = self
        if let minimum {
            field.raw.minimum = minimum
            field.raw.flags |= OCTAVO_FIELD_HAS_MINIMUM
        }
        if let maximum {
            field.raw.maximum = maximum
            field.raw.flags |= OCTAVO_FIELD_HAS_MAXIMUM
        }
        return field
    }
}

/// An operation of a binding, as `octavo_operation` describes it.
public struct Operation {
    let name: StaticString
    let description: StaticString
    let isRepeatable: Bool

    /// `repeatable`: it may be sent again after a fault, for it changes nothing or has the same effect twice.
    public init(_ name: StaticString, repeatable: Bool = false, _ description: StaticString) {
        self.name = name
        self.description = description
        isRepeatable = repeatable
    }
}

/// What a type says of its metadata.
public struct Schema {
    let title: StaticString
    let description: StaticString
    let maturity: StaticString
    let links: [StaticString]
    let fields: [Field]
    let operations: [Operation]

    /// `operations`: of a binding.
    public init(
        title: StaticString, description: StaticString, maturity: StaticString = "stable", links: [StaticString] = [],
        fields: [Field] = [], operations: [Operation] = []
    ) {
        self.title = title
        self.description = description
        self.maturity = maturity
        self.links = links
        self.fields = fields
        self.operations = operations
    }

    /// The same in static memory.
    func build() -> UnsafePointer<octavo_schema> {
        let table = Static.room(for: octavo_field.self, fields.count)
        for index in fields.indices {
            var field = fields[index].raw
            field.allowed = Static.texts(fields[index].words)
            field.aliases = Static.texts(fields[index].otherNames)
            table[index] = field
        }
        var schema = octavo_schema()
        schema.size = UInt32(MemoryLayout<octavo_schema>.size)
        schema.title = Str(title)
        schema.description = Str(description)
        schema.maturity = Str(maturity)
        schema.links = Static.texts(links)
        schema.fields = octavo_list(UnsafeBufferPointer(start: table, count: fields.count))
        if !operations.isEmpty {
            let list = Static.room(for: octavo_operation.self, operations.count)
            for index in operations.indices {
                let operation = operations[index]
                list[index] = octavo_operation(
                    name: Str(operation.name), description: Str(operation.description),
                    flags: operation.isRepeatable ? OCTAVO_OPERATION_REPEATABLE : 0, reserved: 0)
            }
            schema.operations = octavo_list(UnsafeBufferPointer(start: list, count: operations.count))
        }
        return Static.keep(schema)
    }
}
