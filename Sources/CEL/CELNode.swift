/// An expression that was read.
indirect enum CELNode: Sendable {
    case literal(CELValue)
    case variable(String)
    case member(CELNode, String)
    case index(CELNode, CELNode)
    /// `has(a.b)`.
    case presence(CELNode, String)
    case not(CELNode)
    case negative(CELNode)
    case both(CELNode, CELNode)
    case either(CELNode, CELNode)
    case choice(CELNode, CELNode, CELNode)
    case binary(String, CELNode, CELNode)
    case list([CELNode])
    case map([(name: CELNode, value: CELNode)])
    /// A function, with what it is called on first, if it is called on something.
    case call(String, target: CELNode?, [CELNode])
    /// `all`, `exists`, `exists_one`, `filter`, `map`: a variable takes each element's place.
    case each(String, CELNode, variable: String, CELNode)
}
