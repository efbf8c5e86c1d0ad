import COctavo
import Components

/// What a component can do, in Dapr's words.
enum Capabilities {
    static func words(of facts: ComponentFacts) -> [String] { words(kind: facts.kind, features: facts.features) }

    static func words(kind: Int32, features: UInt64) -> [String] {
        func has(_ bit: UInt64) -> Bool { features & bit == bit }
        var words: [String] = []
        switch kind {
        case OCTAVO_KIND_STATE:
            if has(OCTAVO_STATE_ETAG) { words.append("ETAG") }
            if has(OCTAVO_STATE_TRANSACTION) { words.append("TRANSACTIONAL") }
            if has(OCTAVO_STATE_TTL) { words.append("TTL") }
            if has(OCTAVO_STATE_QUERY) { words.append("QUERY_API") }
            if has(OCTAVO_STATE_REMOVE_PREFIX) { words.append("DELETE_WITH_PREFIX") }
            if has(OCTAVO_STATE_KEYS_LIKE) { words.append("KEYS_LIKE") }
            if has(OCTAVO_STATE_ETAG | OCTAVO_STATE_TRANSACTION) { words.append("ACTOR") }
        case OCTAVO_KIND_SECRET_STORE:
            if has(OCTAVO_SECRET_MULTI_VALUE) { words.append("MULTIPLE_KEY_VALUES_PER_SECRET") }
        case OCTAVO_KIND_BINDING:
            if has(UInt64(OCTAVO_BINDING_INPUT)) { words.append("INPUT_BINDING") }
            if has(UInt64(OCTAVO_BINDING_OUTPUT)) { words.append("OUTPUT_BINDING") }
        default: break
        }
        return words
    }
}
