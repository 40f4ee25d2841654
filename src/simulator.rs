//! The marketplace on the desk: it calls a seller's endpoint as the real one does and says which rules the endpoint breaks,
//! before the seller console does.
