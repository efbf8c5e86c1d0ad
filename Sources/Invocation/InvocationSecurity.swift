package import Certificates
import Tracing
package import Transport

/// How this runtime shows other runtimes who it is, and how it knows them. A value.
package struct InvocationSecurity: Sendable {
    package var identity: RuntimeIdentity
    package var client: TLSClientContext

    package init(identity: RuntimeIdentity, client: TLSClientContext) {
        self.identity = identity
        self.client = client
    }

    /// Whom the certificate of an app's runtime is for.
    func uri(of app: AppName) -> String {
        // A name that no certificate can be for is that of none.
        (try? RuntimeIdentity(trustDomain: identity.trustDomain, namespace: app.namespace, appID: app.id).description) ?? "\(app)"
    }
}

/// A call of another runtime, looked at before the app is.
struct InboundCall {
    /// The URIs of the verified certificate.
    let uris: [String]
    let headers: HeaderFields
    /// As it came.
    let path: String
    /// nil: a gRPC method.
    let verb: String?
}

extension InvocationLoop {
    /// Who calls, and the path that the app gets. Throws when the call is for another app, by somebody else than it says, or
    /// not allowed.
    func admit(_ call: InboundCall) throws(InvocationFailure) -> (caller: Caller, path: String) {
        let callee = call.headers["dapr-callee-app-id" as StaticString]
        guard callee == appID else {
            throw .badTarget(
                cause: callee.map { "the call is for app \($0.prefix(80)), and this is the runtime of app \(appID)" }
                    ?? "the call does not say which app it is for (dapr-callee-app-id); this port is for other runtimes")
        }
        let identity = try identity(call)
        let path = try call.verb == nil ? checked(call.path) : MethodPath.cleaned(call.path)
        if let access {
            let verb = app?.isGRPC == true ? nil : call.verb
            let readings = try MethodPath.readings(path)
            let decision = access.decide(AccessControl.Call(readings: readings, verb: verb), by: identity)
            tracer.meter?.accessDecided(
                AccessFacts(
                    caller: identity?.appID ?? "", trustDomain: identity?.trustDomain ?? "", namespace: identity?.namespace ?? "",
                    operation: decision.operation, verb: verb ?? "", isAllowed: decision.isAllowed, isOfPolicy: decision.isOfPolicy))
            guard decision.isAllowed else {
                // Source: Dapr's words.
                throw .denied(
                    cause: "access control policy has denied access to appid: \(identity?.appID ?? "") operation: "
                        + "\(path.prefix { $0 != "?" }) verb: \(call.verb ?? "NONE")")
            }
        }
        return (identity.map { .verified($0) } ?? .runtime, path)
    }

    /// nil: certificates are not asked for.
    private func identity(_ call: InboundCall) throws(InvocationFailure) -> RuntimeIdentity? {
        guard security != nil else { return nil }
        guard call.uris.count == 1, let identity = RuntimeIdentity(uri: call.uris[0]) else {
            throw .denied(cause: "the caller's certificate is not that of a runtime (spiffe://TRUST-DOMAIN/ns/NAMESPACE/APP-ID)")
        }
        // A claim that the certificate does not bear out is a mistake in somebody's settings, or a lie.
        var claim: String?
        call.headers.forEach { name, value in
            let own: String
            if name.elementsEqual("dapr-caller-app-id".utf8) {
                own = identity.appID
            } else if name.elementsEqual("dapr-caller-namespace".utf8) {
                own = identity.namespace
            } else {
                return
            }
            let text = String(decoding: value, as: UTF8.self)
            if text != own { claim = text }
        }
        if let claim { throw .denied(cause: "the caller says that it is \(claim.prefix(80)), but its certificate is for \(identity)") }
        return identity
    }

    /// gRPC methods have one form.
    private func checked(_ path: String) throws(InvocationFailure) -> String {
        guard try MethodPath.cleaned(path) == path, !path.utf8.contains(UInt8(ascii: "?")) else {
            throw .badTarget(cause: "\"\(path.prefix(80))\" is not the path of a gRPC method")
        }
        return path
    }
}
