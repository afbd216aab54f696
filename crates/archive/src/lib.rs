//! Writing and careful unpacking of gzipped tar archives.
