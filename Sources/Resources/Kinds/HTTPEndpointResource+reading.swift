extension HTTPEndpointResource {
    /// Reads a document whose kind is `HTTPEndpoint`.
    static func read(_ header: ResourceHeader, _ document: Fields, _ report: inout Report) -> HTTPEndpointResource? {
        let spec = document.fields("spec", known: ["baseUrl", "headers", "clientTLS"], &report)
        guard let base = spec.requiredText("baseUrl", &report, hint: "write it like https://api.example.com") else { return nil }
        var endpoint = HTTPEndpointResource(header: header, baseURL: base)
        let lower = base.lowercased()
        guard lower.hasPrefix("http://") || lower.hasPrefix("https://") else {
            report.error(
                spec["baseUrl"]?.mark ?? spec.mark,
                "\(spec.at("baseUrl")) must begin with http:// or https://, not \"\(base.prefix(80))\"")
            return nil
        }
        endpoint.headers = MetadataItem.read("headers", of: spec, &report)
        let tls = spec.fields("clientTLS", known: ["rootCA", "certificate", "privateKey", "renegotiation"], &report)
        endpoint.rootCA = text("rootCA", of: tls, &report)
        endpoint.certificate = text("certificate", of: tls, &report)
        endpoint.privateKey = text("privateKey", of: tls, &report)
        if let mode = tls.text("renegotiation", &report), mode != "RenegotiateNever" {
            report.warning(
                tls["renegotiation"]?.mark ?? tls.mark,
                "\(tls.at("renegotiation")) is \"\(mode.prefix(40))\", but TLS connections are never renegotiated")
        }
        if (endpoint.certificate == nil) != (endpoint.privateKey == nil) {
            report.error(tls.mark, "\(tls.at("certificate")) and \(tls.at("privateKey")) belong together; give both or none")
            return nil
        }
        endpoint.secretStore = document.fields("auth", known: ["secretStore"], &report).text("secretStore", &report)
        return endpoint
    }

    /// A text that is written out, or a reference.
    private static func text(_ name: String, of parent: Fields, _ report: inout Report) -> MetadataItem? {
        guard parent[name] != nil else { return nil }
        let fields = parent.fields(name, known: ["value", "secretKeyRef", "envRef"], &report)
        return MetadataItem.value(fields, name, &report).map {
            MetadataItem(name: name, value: $0, source: report.location(fields.mark))
        }
    }
}
