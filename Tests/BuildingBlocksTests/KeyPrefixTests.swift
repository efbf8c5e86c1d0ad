import Testing

@testable import BuildingBlocks

@Suite("A key prefix")
struct KeyPrefixTests {
    @Test(
        "is what the setting says",
        arguments: [
            (nil, "", "app||"), ("", "", "app||"), ("appid", "", "app||"), ("AppID", "", "app||"),
            ("name", "", "store||"), ("NAME", "", "store||"), ("none", "", ""), ("None", "", ""),
            ("namespace", "", "app||"), ("namespace", "blue", "blue.app||"), ("Namespace", "blue", "blue.app||"),
            ("appid", "blue", "app||"), ("other", "", "other||"), ("MixedCase", "", "mixedcase||"),
        ] as [(String?, String, String)])
    func followsTheSetting(_ setting: String?, _ namespace: String, _ expected: String) {
        let identity = AppIdentity(appID: "app", namespace: namespace)
        #expect(KeyPrefix.text(setting: setting, component: "store", identity: identity) == expected)
    }

    @Test(
        "and its key are told apart by two pipes, which a key can't hold",
        arguments: [
            ("", false), ("a", false), ("|", false), ("a|b", false), ("|a|", false), ("||", true), ("a||b", true),
            ("a||", true), ("||a", true), ("a|||b", true), ("|a||", true),
        ])
    func separator(_ key: String, _ isIllegal: Bool) {
        #expect(Array(key.utf8).withUnsafeBytes { KeyPrefix.isIllegal($0) } == isIllegal)
    }
}
