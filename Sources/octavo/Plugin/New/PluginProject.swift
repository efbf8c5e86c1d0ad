import COctavo

/// The files of a new plugin in C.
struct PluginProject {
    let id: String
    let kind: PluginKind

    /// The rule of the descriptor, and a letter first, so that C and make can name it.
    static func isID(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, bytes.count <= 64 else { return false }
        return (0x61...0x7A).contains(first)
            && bytes.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }

    private var raw: octavo_kind { octavo_kind_at(kind.number).unsafelyUnwrapped.pointee }
    private var typeName: String { String(cString: raw.prefix) + id }
    private var source: String { String(id.map { $0 == "-" ? "_" : $0 }) + ".c" }

    var files: [(name: String, text: String)] {
        [("Makefile", makefile), (source, code), ("component.yaml", component), ("README.md", readme)]
    }

    private var makefile: String {
        """
        # Builds the plugin with a C compiler and pkg-config alone.
        CC ?= cc
        OCTAVO_CFLAGS ?= $(shell pkg-config --cflags octavo)
        PLUGINDIR ?= $(shell pkg-config --variable=plugindir octavo)

        \(id).so: \(source)
        \t$(CC) -std=c11 -O2 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden -pthread $(OCTAVO_CFLAGS) -o $@ $<

        check: \(id).so
        \toctavo plugin check ./\(id).so

        install: \(id).so
        \tinstall -D -m 644 \(id).so $(DESTDIR)$(PLUGINDIR)/\(id).so

        clean:
        \trm -f \(id).so

        .PHONY: check install clean

        """
    }

    private var component: String {
        """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata: { name: \(id) }
        spec: { type: \(typeName), version: v1 }

        """
    }

    private var readme: String {
        """
        # \(id)

        A plugin of Octavo with the component type `\(typeName)`.

            make
            make check
            make install

        `component.yaml` makes a component of it. The headers under `octavo/` are the reference: `octavo_plugin.h` for the life of
        an instance, `octavo_host.h` for what the runtime offers, the header of the kind for its operations.

        """
    }

    // MARK: The source

    private var code: String {
        let isState = kind.number == OCTAVO_KIND_STATE
        return CodeTemplate.head(id: id, type: typeName)
            + (isState ? CodeTemplate.state : CodeTemplate.plain + operations.map(function).joined())
            + table(isState ? [("get", "get"), ("set", "set"), ("remove", "remove_key")] : operations.map { ($0.name, "op_" + $0.name) })
            + CodeTemplate.tail(
                id: id, type: typeName, kind: constant, execution: isState ? "INLINE" : "BLOCKING", features: features)
    }

    private struct Operation {
        var name: String
        var request: String
    }

    /// Those that every type of the kind has.
    private var operations: [Operation] {
        (0..<Int(raw.op_count)).compactMap { index in
            let op = raw.ops[index]
            guard op.reply != nil, index == 0 || op.feature == 0 else { return nil }
            return Operation(name: String(cString: op.name), request: "octavo_" + String(cString: op.request.pointee.name))
        }
    }

    /// The first operation is not optional, so neither is its feature.
    private var features: UInt64 { raw.ops[0].feature }

    private func function(_ operation: Operation) -> String {
        """
        static void op_\(operation.name)(void *self, octavo_call call, const \(operation.request) *request) {
            (void)self;
            (void)request;
            not_written(call);
        }


        """
    }

    private func table(_ members: [(String, String)]) -> String {
        let name = kind.number == OCTAVO_KIND_NAME_RESOLUTION ? "names" : constant.lowercased()
        let typeName = kind.number == OCTAVO_KIND_CUSTOM ? "custom_service" : name
        return "static const octavo_\(typeName)_ops ops = {\n    .size = sizeof ops,\n"
            + members.map { "    .\($0.0) = \($0.1),\n" }.joined() + "};\n"
    }

    /// `OCTAVO_KIND_` and this.
    private var constant: String {
        [
            "STATE", "PUBSUB", "CONFIGURATION", "LOCK", "SEQUENCER", "SECRET_STORE", "BINDING", "OBJECT_STORE", "CRYPTO",
            "NAME_RESOLUTION", "FILTER", "CONVERSATION", "CUSTOM",
        ][Int(kind.number) - 1]
    }
}
