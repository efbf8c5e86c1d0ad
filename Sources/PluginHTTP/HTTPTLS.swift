public import CCurl
public import PluginKit

/// How a client speaks TLS. Certificates and keys are PEM text ("-----BEGIN …") or paths of files.
public struct HTTPTLS {
    /// The authorities that are trusted, and no others; `nil`: the system's.
    public var authority: String?
    /// A folder whose files, one or more authorities in each, are trusted instead of `authority`.
    public var authorityFolder: String?
    /// The name that the server shows and its certificate bears, when that is not the host of the URL.
    public var serverName: String?
    public var certificate: String?
    /// The key of `certificate`, and its password when it has one.
    public var key: String?
    public var keyPassword: String?
    /// `false`: any certificate of the server will do.
    public var verifies = true

    public init() {}

    /// The same with the files of `authorityFolder` read. Throws when there is none.
    func resolved() throws(PluginError) -> HTTPTLS {
        guard let folder = authorityFolder else { return self }
        var bytes: [UInt8] = []
        var failure: PluginError?
        let isThere = SmallFile.forEach(in: folder) { path in
            do throws(PluginError) {
                bytes += try SmallFile.read(
                    path.utf8.map { CChar(bitPattern: $0) } + [0], what: "file of authorities", limit: 4 << 20, hint: "Check its permissions.")
                bytes.append(0x0A)
            } catch { failure = error }
        }
        if !isThere {
            throw .invalid("The folder of authorities \(folder) can't be read: \(PluginError.text(ofErrno: plugin_kit_errno())).")
        }
        if bytes.isEmpty {
            throw failure ?? .invalid("The folder of authorities \(folder) has no file.")
        }
        var found = self
        found.authorityFolder = nil
        found.authority = String(decoding: bytes, as: UTF8.self)
        return found
    }

    /// Whether files that are named can be read, and what belongs together is there.
    public func check() throws(PluginError) {
        // Not by comparing with nil, which would bring the comparison of texts with the tables of Unicode.
        switch (certificate, key) {
        case (.some, .some), (.none, .none): break
        default:
            throw .invalid("A client's certificate and its key belong together: give both or none.")
        }
        for given in [authority, certificate, key] {
            guard let given, !HTTPTLS.isText(given) else { continue }
            let readable = given.withCString { access($0, R_OK) == 0 }
            if !readable {
                throw .invalid("The certificate or key \(given) can't be read: \(PluginError.text(ofErrno: plugin_kit_errno())).")
            }
        }
    }

    private static func isText(_ given: String) -> Bool {
        var given = given
        // Something may stand before it.
        return given.withUTF8 { memmem($0.baseAddress!, $0.count, "-----BEGIN", 10) != nil }
    }

    /// To a handle of any protocol.
    public func apply(to transfer: CurlTransfer) {
        transfer.set(CURLOPT_SSLVERSION, Int64(CURL_SSLVERSION_TLSv1_2))
        // A file of authorities that is written anew counts for connections a minute later, not a day.
        transfer.set(CURLOPT_CA_CACHE_TIMEOUT, 60)
        if let authority {
            if HTTPTLS.isText(authority) { transfer.set(blob: CURLOPT_CAINFO_BLOB, authority) } else { transfer.set(CURLOPT_CAINFO, authority) }
            // The system's folder would be trusted besides.
            ccurl_set_text(transfer.easy, CURLOPT_CAPATH, nil)
        }
        if let certificate, let key {
            transfer.set(CURLOPT_SSLCERTTYPE, "PEM")
            transfer.set(CURLOPT_SSLKEYTYPE, "PEM")
            if HTTPTLS.isText(certificate) { transfer.set(blob: CURLOPT_SSLCERT_BLOB, certificate) } else { transfer.set(CURLOPT_SSLCERT, certificate) }
            if HTTPTLS.isText(key) { transfer.set(blob: CURLOPT_SSLKEY_BLOB, key) } else { transfer.set(CURLOPT_SSLKEY, key) }
            if let keyPassword { transfer.set(CURLOPT_KEYPASSWD, keyPassword) }
        }
        guard !verifies else { return }
        transfer.set(CURLOPT_SSL_VERIFYPEER, 0)
        transfer.set(CURLOPT_SSL_VERIFYHOST, 0)
    }
}
