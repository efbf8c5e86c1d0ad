import Glibc

/// Makes a folder and those above it, for this user alone. What goes wrong shows when it is used.
package func makeFolders(_ path: String) {
    var made = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
        made += "/" + part
        mkdir(made, 0o700)
    }
}
