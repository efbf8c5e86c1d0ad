import Testing

@Suite("XML of S3")
struct XMLReaderTests {
    private func read(_ text: String) -> [String]? {
        var found: [String] = []
        let isXML = XMLReader.read(Array(text.utf8)) { path, text in
            found.append(path.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/") + "=" + String(decoding: text, as: UTF8.self))
        }
        return isXML ? found : nil
    }

    @Test("elements, their texts and what is around them")
    func elements() {
        let text = "<?xml version=\"1.0\"?>\n<!-- <a> --><s:a xmlns:s='x>y' b=\"/\">1<b>x &lt;&#228;&#x1F600;&amp;&quot;&apos;&gt;</b>2<c/><d ></d ><![CDATA[<&]]></s:a>\n"
        #expect(read(text) == ["a/b=x <ä😀&\"'>", "a/c=", "a/d=", "a=12<&"])
    }

    @Test("what is no XML, or more than is read", arguments: [
        "", "text", "<a>", "<a></b>", "</a>", "<a>&unknown;</a>", "<a>&#xD800;</a>", "<a>&#x110000;</a>", "<a>&#;</a>", "<a>&amp</a>", "<a/><b/>",
        "<a", "<a b='>", "<>", "<!DOCTYPE a><a/>", "<?xml", "<!--", "<a><![CDATA[", "<![CDATA[x]]>", "{\"a\":1}",
        String(repeating: "<a>", count: 17) + String(repeating: "</a>", count: 17),
    ])
    func refused(text: String) { #expect(read(text) == nil) }

    @Test("no cut of a text is more than malformed")
    func cuts() {
        let text = "<?xml?><!--c--><a b='c'>&lt;&#x41;<b/><![CDATA[d]]></a>"
        #expect(read(text) != nil)
        for end in 0..<text.utf8.count { #expect(read(String(text.prefix(end))) == nil) }
    }
}
