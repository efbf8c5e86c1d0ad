import CCurl
import PluginHTTP
import PluginKit

/// `bindings.smtp`: sends mail. On the instance's reactor thread.
final class SMTPBinding: Binding {
    private let loop: CurlLoop
    private let url: String
    private let user: String?
    private let password: String?
    private let tls: HTTPTLS
    /// TLS is asked for, and not done without.
    private let isStrict: Bool
    private let defaults: [(StaticString, [UInt8])]

    private static let names: [StaticString] = ["emailFrom", "emailTo", "emailCC", "emailBCC", "subject", "priority"]

    init(_ config: Config, _ instance: Instance) throws(PluginError) {
        loop = CurlLoop(instance, limit: 256, connections: 4)
        let port = config.integer("port") ?? 25
        // 465 speaks TLS at once, unless something else is said; others are asked for it.
        let mode = config.integer("tls")
        isStrict = mode == 1
        url = ((mode ?? (port == 465 ? 0 : 2)) == 0 ? "smtps://" : "smtp://") + (config.string("host") ?? "") + ":\(port)"
        user = config.string("user")
        password = config.string("password")
        var tls = HTTPTLS()
        tls.verifies = !config.flag("skipTLSVerify")
        tls.authority = config.string("caCert")
        self.tls = tls
        defaults = Self.names.map { ($0, config.text($0).array) }
        super.init(instance, Features(OCTAVO_BINDING_OUTPUT))
    }

    override func start(_ call: Call) throws(PluginError) {
        try tls.check()
        try loop.open()
        call.done()
    }

    override func stop(_ call: Call) throws(PluginError) {
        loop.close()
        call.done()
    }

    override func invoke(_ request: UnsafePointer<octavo_binding_invoke_request>, _ reply: InvokeReply) throws(PluginError) {
        guard request.pointee.operation.equals("create") else { throw Binding.unknownOperation(request.pointee.operation, "create") }
        let metadata = request.pointee.head.metadata
        var values: [[UInt8]] = []
        for (name, fallback) in defaults {
            let written = metadata.pair(name)
            values.append(written.isEmpty ? fallback : written.array)
        }
        let mail = try Mail(values, BindingData.unquoted(request.pointee.data))
        let transfer = try MailTransfer(mail, url, reply)
        if let user, let password {
            transfer.set(CURLOPT_USERNAME, user)
            transfer.set(CURLOPT_PASSWORD, password)
        }
        if isStrict { transfer.set(CURLOPT_USE_SSL, Int64(CURLUSESSL_ALL.rawValue)) }
        tls.apply(to: transfer)
        try loop.begin(transfer)
    }
}

/// A message as it is sent.
struct Mail {
    let sender: String
    let recipients: [String]
    let text: [UInt8]

    /// `values`: of emailFrom, emailTo, emailCC, emailBCC, subject, priority.
    init(_ values: [[UInt8]], _ body: [UInt8]) throws(PluginError) {
        for (index, name) in (["emailFrom", "emailTo", "emailCC", "emailBCC", "subject", "priority"] as [StaticString]).enumerated() {
            if values[index].contains(where: { $0 < 0x20 || $0 == 0x7f }) {
                throw .invalid("\(name.description) has a control character; it must be one line.")
            }
            if [0, 1, 4].contains(index), values[index].isEmpty {
                throw .invalid("\(name.description) is missing; give it in the component's metadata or in the request's.")
            }
        }
        let from = Self.addresses(values[0]), to = Self.addresses(values[1]), copies = Self.addresses(values[2])
        guard from.count == 1, !to.isEmpty else { throw .invalid("emailFrom must be one address, and emailTo at least one.") }
        let priority = values[5].isEmpty ? Array("3".utf8) : values[5]
        guard priority.count == 1, priority[0] >= 0x31, priority[0] <= 0x35 else {
            throw .invalid("The priority must be from 1, the lowest, to 5, the highest.")
        }
        sender = Self.bare(from[0])
        recipients = (to + copies + Self.addresses(values[3])).map { Self.bare($0) }

        var text: [UInt8] = []
        func line(_ name: StaticString, _ value: [UInt8]) {
            text += Str(name).array + [0x3a, 0x20] + value + [0x0d, 0x0a]
        }
        func list(_ all: [[UInt8]]) -> [UInt8] { [UInt8](all.joined(separator: [0x2c, 0x20])) }
        line("From", from[0])
        line("To", list(to))
        if !copies.isEmpty { line("Cc", list(copies)) }
        line("Subject", Self.encoded(values[4]))
        line("X-Priority", priority)
        line("Date", Self.date())
        line("Message-ID", [0x3c] + BindingData.uuid() + Array("@octavo>".utf8))
        line("MIME-Version", Array("1.0".utf8))
        line("Content-Type", Array("text/html; charset=UTF-8".utf8))
        line("Content-Transfer-Encoding", Array("base64".utf8))
        text += [0x0d, 0x0a]
        let encoded = Self.base64(body)
        var at = 0
        while at < encoded.count {
            text += encoded[at..<min(at + 76, encoded.count)]
            text += [0x0d, 0x0a]
            at += 76
        }
        self.text = text
    }

    /// Separated by semicolons, as in Dapr.
    private static func addresses(_ text: [UInt8]) -> [[UInt8]] {
        text.split(separator: 0x3b).map { part in
            var part = part
            while part.first == 0x20 { part.removeFirst() }
            while part.last == 0x20 { part.removeLast() }
            return [UInt8](part)
        }.filter { !$0.isEmpty }
    }

    /// Without the name before it.
    private static func bare(_ address: [UInt8]) -> String {
        if let open = address.lastIndex(of: 0x3c), address.last == 0x3e {
            return String(decoding: address[open...], as: UTF8.self)
        }
        return "<" + String(decoding: address, as: UTF8.self) + ">"
    }

    private static func base64(_ bytes: [UInt8]) -> [UInt8] {
        var text = [UInt8](repeating: 0, count: Base64.encodedSize(bytes.count) + 1)
        bytes.withUnsafeBytes { from in text.withUnsafeMutableBufferPointer { Base64.encode(from, to: $0.baseAddress!) } }
        text.removeLast()
        return text
    }

    /// Beyond ASCII as encoded words (RFC 2047), each of whole characters.
    private static func encoded(_ text: [UInt8]) -> [UInt8] {
        guard text.contains(where: { $0 >= 0x80 }) else { return text }
        var words: [UInt8] = [], at = 0
        while at < text.count {
            var end = min(at + 42, text.count)
            while end < text.count, end > at + 1, text[end] & 0xc0 == 0x80 { end -= 1 }
            if !words.isEmpty { words += [0x0d, 0x0a, 0x20] }
            words += Array("=?UTF-8?B?".utf8) + base64([UInt8](text[at..<end])) + Array("?=".utf8)
            at = end
        }
        return words
    }

    private static func date() -> [UInt8] {
        var now = time_t(plugin_kit_wall() / 1_000_000_000), parts = tm()
        gmtime_r(&now, &parts)
        var text: [UInt8] = []
        func name(_ names: StaticString, _ index: Int32) { text += (0..<3).map { names.utf8Start[Int(index) * 3 + $0] } }
        func number(_ value: Int32, _ end: UInt8) { text += [UInt8(0x30 + value / 10 % 10), UInt8(0x30 + value % 10), end] }
        name("SunMonTueWedThuFriSat", parts.tm_wday)
        text += [0x2c, 0x20]
        number(parts.tm_mday, 0x20)
        name("JanFebMarAprMayJunJulAugSepOctNovDec", parts.tm_mon)
        text.append(0x20)
        Decimal.append(Int64(parts.tm_year) + 1900, to: &text)
        text.append(0x20)
        number(parts.tm_hour, 0x3a)
        number(parts.tm_min, 0x3a)
        number(parts.tm_sec, 0x20)
        text += Array("+0000".utf8)
        return text
    }
}

/// A message under way.
private final class MailTransfer: CurlTransfer {
    private let text: [UInt8]
    private let target: String
    private let reply: InvokeReply
    private var sent = 0

    init(_ mail: Mail, _ url: String, _ reply: InvokeReply) throws(PluginError) {
        text = mail.text
        target = url
        self.reply = reply
        try super.init()
        set(CURLOPT_PROTOCOLS_STR, "smtp,smtps")
        set(CURLOPT_URL, url)
        set(CURLOPT_USE_SSL, Int64(CURLUSESSL_TRY.rawValue))
        set(CURLOPT_MAIL_FROM, mail.sender)
        try set(list: CURLOPT_MAIL_RCPT, mail.recipients)
        set(CURLOPT_UPLOAD, 1)
        set(large: CURLOPT_INFILESIZE_LARGE, Int64(text.count))
        limit(whole: 60_000_000_000, connecting: 15_000_000_000, silence: 0)
    }

    override func provide(_ room: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(room.count, text.count - sent)
        if count > 0 { text.withUnsafeBytes { _ = memcpy(room.baseAddress!, $0.baseAddress! + sent, count) } }
        sent += count
        return count
    }

    override func rewind() -> Bool {
        guard sent == 0 else { return false }
        return true
    }

    override func ended(_ code: CURLcode, _ detail: String) {
        if code == CURLE_OK { return reply.done() }
        let status = information(CURLINFO_RESPONSE_CODE)
        var error: PluginError
        switch code {
        case CURLE_LOGIN_DENIED:
            error = PluginError(
                OCTAVO_CODE_UNAUTHENTICATED, "The mail server \(target) refused user and password: \(detail).")
        case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST, CURLE_OPERATION_TIMEDOUT, CURLE_RECV_ERROR, CURLE_SEND_ERROR,
            CURLE_GOT_NOTHING, CURLE_ABORTED_BY_CALLBACK, CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION:
            error = .outage("The mail server \(target) can't be used: \(detail).")
        case CURLE_USE_SSL_FAILED:
            error = PluginError(
                OCTAVO_CODE_FAILED_PRECONDITION, "The mail server \(target) does not do STARTTLS, which the setting tls asks for: \(detail).")
        default:
            // 4xx is for the time being.
            let isPassing = status >= 400 && status < 500
            error = PluginError(
                isPassing ? OCTAVO_CODE_UNAVAILABLE : OCTAVO_CODE_FAILED_PRECONDITION,
                "The mail server \(target) did not take the message: \(detail) (status \(status)).",
                flags: isPassing ? OCTAVO_ERROR_RETRYABLE : 0)
        }
        if sent > 0 {
            error.flags |= OCTAVO_ERROR_MAY_HAVE_TAKEN_EFFECT
            error.message += " It may have been sent."
        }
        reply.call.fail(error)
    }
}
