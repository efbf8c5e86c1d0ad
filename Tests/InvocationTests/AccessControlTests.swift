import Certificates
import Testing

@testable import Invocation

@Suite("Access control")
struct AccessControlTests {
    private typealias Operation = AccessControl.Operation

    private static func caller(_ app: String = "caller", namespace: String = "default", domain: String = "public") -> RuntimeIdentity {
        // Valid by its form.
        try! RuntimeIdentity(trustDomain: domain, namespace: namespace, appID: app)
    }

    private static func control(_ standard: Bool, _ own: Bool?, _ operations: [Operation]) -> AccessControl {
        AccessControl(
            isAllowed: standard,
            policies: [
                .init(appID: "caller", namespace: "default"): .init(trustDomain: "public", isAllowed: own, operations: operations)
            ])
    }

    private static func allows(_ control: AccessControl, _ path: String, _ verb: String? = "GET", _ caller: RuntimeIdentity? = caller()) -> Bool? {
        do throws(InvocationFailure) {
            let cleaned = try MethodPath.cleaned(path)
            return control.decide(.init(readings: try MethodPath.readings(cleaned), verb: verb), by: caller).isAllowed
        } catch {
            return nil
        }
    }

    @Test(
        "finds the policy by app, namespace and trust domain; else the default action holds",
        arguments: [true, false])
    func callers(standard: Bool) {
        let control = Self.control(standard, !standard, [])
        #expect(Self.allows(control, "/a") == !standard)
        for other in [
            Self.caller("other"), Self.caller(namespace: "shop"), Self.caller(domain: "elsewhere"), nil,
        ] {
            #expect(Self.allows(control, "/a", "GET", other) == standard)
        }
        #expect(Self.allows(Self.control(standard, nil, []), "/a") == standard)
    }

    @Test(
        "matches names by segments; what says most of a path decides",
        arguments: [
            ("/orders", "/orders", true), ("orders", "/orders", true), ("/orders", "/orders/", true), ("/orders", "/orders/1", false),
            ("/orders", "/order", false), ("/orders", "/Orders", true), ("/ORDERS", "/orders", true), ("/orders/*", "/orders", false),
            ("/orders/*", "/orders/1", true), ("/orders/*", "/orders/1/2", false), ("/orders/*/items", "/orders/1/items", true),
            ("/orders/*/items", "/orders/1/2/items", false), ("/orders/**", "/orders", true), ("/orders/**", "/orders/1/2/3", true),
            ("/orders/**", "/ordersX", false), ("/*", "/a", true), ("/*", "/a/b", false), ("/**", "/", true), ("/**", "/a/b", true),
            ("/", "/", true), ("/", "/a", false), ("/a b", "/a%20b", true), ("/ä", "/%C3%A4", true),
        ])
    func names(name: String, path: String, matches: Bool) {
        let control = Self.control(false, false, [Operation(name: name, verbs: ["*"], isAllowed: true)])
        #expect(Self.allows(control, path) == matches)
    }

    @Test("the closest name, then the verb, decides; without a verb for it the policy's default does")
    func precedence() {
        let control = Self.control(
            false, true,
            [
                Operation(name: "/**", verbs: ["*"], isAllowed: true), Operation(name: "/a/*", verbs: ["*"], isAllowed: false),
                Operation(name: "/a/b", verbs: ["GET"], isAllowed: true), Operation(name: "/a/b", verbs: ["POST"], isAllowed: false),
                Operation(name: "/none", verbs: [], isAllowed: false), Operation(name: "/twice", verbs: ["*"], isAllowed: true),
                Operation(name: "/twice", verbs: ["GET"], isAllowed: false),
            ])
        #expect(Self.allows(control, "/x") == true)
        #expect(Self.allows(control, "/a/c") == false)
        #expect(Self.allows(control, "/a/b", "GET") == true)
        #expect(Self.allows(control, "/a/b", "POST") == false)
        #expect(Self.allows(control, "/a/b", "post") == false)
        #expect(Self.allows(control, "/a/b", "PUT") == true)
        #expect(Self.allows(control, "/none") == false)
        #expect(Self.allows(control, "/twice", "GET") == false && Self.allows(control, "/twice", "PUT") == true)
        // gRPC: no verbs, and capitals count.
        let calls = Self.control(false, false, [Operation(name: "/test.Echo/*", verbs: ["POST"], isAllowed: true)])
        #expect(Self.allows(calls, "/test.Echo/Unary", nil) == true && Self.allows(calls, "/test.echo/Unary", nil) == false)
    }

    enum Verdict: Sendable { case denied, refused, allowed }

    /// Ways to write "/admin/users" that some app may take for it, and some that none does.
    @Test(
        "no way of writing a path gets around the rule that denies it",
        arguments: [
            ("/admin/users", Verdict.denied), ("/admin/users/", .denied), ("/admin", .denied), ("/admin/", .denied), ("//admin/users", .denied),
            ("/admin//users", .denied), ("/./admin/users", .denied), ("/admin/./users", .denied), ("/x/../admin/users", .denied),
            ("/x/y/../../admin/users", .denied), ("/../admin/users", .denied), ("/../../admin/users", .denied), ("/admin/x/../users", .denied),
            ("/ADMIN/users", .denied), ("/Admin/Users", .denied), ("/%61dmin/users", .denied), ("/%41DMIN/users", .denied),
            ("/adm%69n/users", .denied), ("/%61%64%6d%69%6e/users", .denied), ("/admin/users?x=/public", .denied), ("/admin?/../public", .denied),
            ("/admin;x=1/users", .denied), ("/admin;/users", .denied), ("/admin%3bx/users", .denied), ("/admin%3Fx/users", .denied),
            ("/admin%23x/users", .denied), ("/admin./users", .denied), ("/admin%20/users", .denied), ("/admin..;x/users", .denied),
            ("/x/..;/admin/users", .refused), ("/x/..;a=b/admin/users", .refused), ("/;/admin/users", .refused), ("/.;/admin/users", .refused),
            ("/x/%2e%2e/admin/users", .refused), ("/x/%2E%2E/admin/users", .refused), ("/x/.%2e/admin/users", .refused),
            ("/x/..%2fadmin/users", .refused), ("/x/..%2Fadmin/users", .refused), ("/x%2f..%2fadmin/users", .refused), ("/admin%2fusers", .refused),
            ("/x/..%5cadmin/users", .refused), ("/x\\..\\admin/users", .refused), ("\\admin\\users", .refused), ("/admin%5Cusers", .refused),
            ("/x/%252e%252e/admin/users", .refused), ("/%2561dmin/users", .refused), ("/x%252f..%252fadmin", .refused), ("/%25%36%31dmin", .refused),
            ("/x/%c0%ae%c0%ae/admin/users", .refused), ("/x%c0%afadmin/users", .refused), ("/%e0%80%afadmin", .refused), ("/%ff/admin", .refused),
            ("/%ed%a0%80/admin", .refused), ("/admin%00/users", .refused), ("/admin%00.txt", .refused), ("/admin\0/users", .refused),
            ("/admin%0a/users", .refused), ("/admin%0d%0aHost:x/users", .refused), ("/admin%09/users", .refused), ("/admin%7f", .refused),
            ("/admin%/users", .refused), ("/admin%4/users", .refused), ("/admin%zz/users", .refused), ("/%u0061dmin/users", .refused),
            ("/admin users", .refused), ("/admin#x/users", .refused), ("/admin\t/users", .refused), ("admin/users", .denied), ("/.%00./admin", .refused),
            ("/public", .allowed), ("/administrators", .allowed), ("/x/admin", .allowed), ("/public?x=/admin", .allowed), ("/admin/../public", .allowed),
            ("/public;x=1", .allowed), ("/100%25", .allowed), ("/%C3%A4", .allowed), ("/a%20b", .allowed), ("/a.b", .allowed), ("/...a", .allowed),
        ])
    func confusions(path: String, expected: Verdict) {
        let control = Self.control(true, true, [Operation(name: "/admin/**", verbs: ["*"], isAllowed: false)])
        let found: Verdict = Self.allows(control, path).map { $0 ? .allowed : .denied } ?? .refused
        #expect(found == expected, "\(path)")
        // And where only the public is allowed, nothing of it is.
        let strict = Self.control(false, false, [Operation(name: "/public/**", verbs: ["*"], isAllowed: true)])
        if expected != .allowed { #expect(Self.allows(strict, path) != true, "\(path)") }
    }
}
