import COctavo
import Glibc

/// What an instance is made from: values as written and parsed.
struct InstanceConfiguration: Sendable {
    var component: String
    var type: String
    var version: String
    var appID: String
    var namespace: String
    var dataFolder: String
    var values: [SettingValue]

    /// The C form of it, valid during `body`.
    func withConfig<Result>(_ body: (UnsafePointer<octavo_config>) -> Result) -> Result {
        var texts: [UnsafeMutablePointer<CChar>] = []
        defer {
            for text in texts {
                // Secrets don't stay behind in freed memory.
                explicit_bzero(text, strlen(text))
                free(text)
            }
        }
        func slice(_ string: String) -> octavo_str {
            let copy = strdup(string).unsafelyUnwrapped
            texts.append(copy)
            return octavo_str(data: copy, size: UInt64(strlen(copy)))
        }
        var list = values.map { value in
            octavo_value(
                name: slice(value.name), text: slice(value.text), integer: value.integer, number: value.number,
                type: value.type, flags: value.flags)
        }
        return list.withUnsafeMutableBufferPointer { buffer in
            var config = octavo_config()
            config.size = UInt32(MemoryLayout<octavo_config>.size)
            config.component = slice(component)
            config.type = slice(type)
            config.version = slice(version)
            config.app_id = slice(appID)
            config.name_space = slice(namespace)
            config.data_dir = slice(dataFolder)
            config.values = octavo_list(
                items: buffer.baseAddress, count: UInt32(buffer.count), stride: UInt32(MemoryLayout<octavo_value>.stride))
            return body(&config)
        }
    }
}
