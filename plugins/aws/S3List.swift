import PluginKit

/// What a list of a bucket asks for: the data of the operation.
struct S3ListRequest {
    private var marker: [UInt8] = [], prefix: [UInt8] = [], delimiter: [UInt8] = []
    private var maxResults: Int64 = 1000

    /// Nothing, or a JSON object.
    init(_ data: Bytes) throws(PluginError) {
        if data.raw.isEmpty || data.raw.elementsEqual("null".utf8) { return }
        var marker: [UInt8] = [], prefix: [UInt8] = [], delimiter: [UInt8] = [], count: [UInt8] = []
        do throws(PluginError) {
            try JSONReader.read(data.raw) { path, value in
                guard path.count == 1 else { return }
                if path[0].elementsEqual("marker".utf8) { marker = value }
                if path[0].elementsEqual("prefix".utf8) { prefix = value }
                if path[0].elementsEqual("delimiter".utf8) { delimiter = value }
                if path[0].elementsEqual("maxResults".utf8) { count = value }
            }
        } catch {
            throw .invalid("The data of list are no JSON object with prefix, marker, delimiter and maxResults: \(error.message).")
        }
        (self.marker, self.prefix, self.delimiter) = (marker, prefix, delimiter)
        guard !count.isEmpty else { return }
        let isNegative = count[0] == 0x2d
        let digits = isNegative ? [UInt8](count.dropFirst()) : count
        guard let number = digits.withUnsafeBytes({ Str($0).decimal }), number <= UInt64(Int32.max) else {
            throw .invalid("maxResults must be a whole number.")
        }
        // As in Dapr: less than one is the default.
        if number > 0, !isNegative { maxResults = Int64(number) }
    }

    var query: [(name: [UInt8], value: [UInt8])] {
        var query: [(name: [UInt8], value: [UInt8])] = [(Array("max-keys".utf8), SignatureV4.decimal(maxResults))]
        if !marker.isEmpty { query.append((Array("marker".utf8), marker)) }
        if !prefix.isEmpty { query.append((Array("prefix".utf8), prefix)) }
        if !delimiter.isEmpty { query.append((Array("delimiter".utf8), delimiter)) }
        return query
    }
}

/// A list of a bucket: S3's XML as Dapr's JSON, whose names are those of AWS.
enum S3List {
    private struct Object {
        var key: [UInt8] = [], tag: [UInt8] = [], time: [UInt8] = [], size: [UInt8] = [], storage: [UInt8] = []
        var owner: [UInt8]?, ownerName: [UInt8]?
    }

    /// nil when it is no list.
    static func json(_ xml: [UInt8]) -> [UInt8]? {
        var objects: [Object] = [], prefixes: [[UInt8]] = [], object = Object()
        var isTruncated = false
        var marker: [UInt8] = [], next: [UInt8]?, name: [UInt8] = [], prefix: [UInt8] = [], delimiter: [UInt8] = [], limit: [UInt8] = []
        var encoding: [UInt8]?, isList = false
        let isXML = XMLReader.read(xml) { path, text in
            guard path[0].elementsEqual("ListBucketResult".utf8) else { return }
            isList = true
            guard let last = path.last, path.count >= 2 else { return }
            func at(_ word: StaticString) -> Bool { last.withUnsafeBytes { Str($0).equals(word) } }
            let isObject = path[1].elementsEqual("Contents".utf8)
            switch path.count {
            case 2:
                if isObject {
                    objects.append(object)
                    object = Object()
                } else if at("Marker") {
                    marker = text
                } else if at("NextMarker") {
                    next = text
                } else if at("Name") {
                    name = text
                } else if at("Prefix") {
                    prefix = text
                } else if at("Delimiter") {
                    delimiter = text
                } else if at("MaxKeys") {
                    limit = text
                } else if at("IsTruncated") {
                    isTruncated = text.elementsEqual("true".utf8)
                } else if at("EncodingType") {
                    encoding = text
                }
            case 3 where isObject:
                if at("Key") { object.key = text }
                if at("ETag") { object.tag = text }
                if at("LastModified") { object.time = text }
                if at("Size") { object.size = text }
                if at("StorageClass") { object.storage = text }
            case 3 where path[1].elementsEqual("CommonPrefixes".utf8) && at("Prefix"): prefixes.append(text)
            case 4 where isObject && path[2].elementsEqual("Owner".utf8):
                if at("ID") { object.owner = text }
                if at("DisplayName") { object.ownerName = text }
            default: break
            }
        }
        guard isXML, isList else { return nil }
        // S3 names the next marker only when there is a delimiter; otherwise it is the last key.
        if isTruncated, next == nil, delimiter.isEmpty { next = objects.last?.key }

        var json: [UInt8] = [0x7b]
        func raw(_ text: StaticString) { json += Str(text).array }
        func text(_ value: [UInt8]?) {
            if let value { BindingData.appendQuoted(value, to: &json) } else { raw("null") }
        }
        func number(_ value: [UInt8]) {
            let isNumber = value.withUnsafeBytes { Str($0).decimal != nil }
            json += isNumber ? value : [0x30]
        }
        raw("\"CommonPrefixes\":")
        if prefixes.isEmpty { raw("null") } else { json.append(0x5b) }
        for (index, prefix) in prefixes.enumerated() {
            raw(index > 0 ? ",{\"Prefix\":" : "{\"Prefix\":")
            text(prefix)
            raw("}")
        }
        if !prefixes.isEmpty { json.append(0x5d) }
        raw(",\"Contents\":")
        if objects.isEmpty { raw("null") } else { json.append(0x5b) }
        for (index, object) in objects.enumerated() {
            raw(index > 0 ? ",{\"ETag\":" : "{\"ETag\":")
            text(object.tag)
            raw(",\"Key\":")
            text(object.key)
            raw(",\"LastModified\":")
            text(withoutZeros(object.time))
            raw(",\"Owner\":")
            if object.owner != nil || object.ownerName != nil {
                raw("{\"DisplayName\":")
                text(object.ownerName)
                raw(",\"ID\":")
                text(object.owner)
                raw("}")
            } else {
                raw("null")
            }
            raw(",\"Size\":")
            number(object.size)
            raw(",\"StorageClass\":")
            text(object.storage)
            raw("}")
        }
        if !objects.isEmpty { json.append(0x5d) }
        raw(",\"Delimiter\":")
        text(delimiter)
        raw(",\"EncodingType\":")
        text(encoding)
        raw(isTruncated ? ",\"IsTruncated\":true,\"Marker\":" : ",\"IsTruncated\":false,\"Marker\":")
        text(marker)
        raw(",\"MaxKeys\":")
        number(limit)
        raw(",\"Name\":")
        text(name)
        raw(",\"NextMarker\":")
        text(next)
        raw(",\"Prefix\":")
        text(prefix)
        raw("}")
        return json
    }

    /// "2021-08-16T06:44:14.000Z" without the fraction, when it is none.
    private static func withoutZeros(_ time: [UInt8]) -> [UInt8] {
        let zeros = Array(".000Z".utf8)
        return time.count > 5 && time.suffix(5).elementsEqual(zeros) ? time.dropLast(5) + [0x5a] : time
    }
}
