/// An `HTTPEndpoint` document: a server that is no app, called by a name as apps are.
package struct HTTPEndpointResource: Sendable, Equatable {
    package var header: ResourceHeader
    /// `http://` or `https://`, a host, perhaps a port and a path.
    package var baseURL: String
    /// Fields of every request to it; they replace the caller's of the same name.
    package var headers: [MetadataItem] = []
    /// PEM texts; nil without.
    package var rootCA: MetadataItem?
    package var certificate: MetadataItem?
    package var privateKey: MetadataItem?
    /// Where references to secrets lead.
    package var secretStore: String?

    package var name: String { header.name }
}
