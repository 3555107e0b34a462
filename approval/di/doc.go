// Package di reads and writes the exchange formats of official documents: the
// DI (文書本文檔, one document body) and the SW (交換表單, its roster of
// recipients), as laid down by 文書及檔案管理電腦化作業規範, appendix DTD.
//
// [Decode] reads the generations 91, 93, 97, 99 and 104 in UTF-8 or Big5 and is
// lenient where senders differ; [Encode] writes 104 in UTF-8 only. What [Decode]
// reads from the output of [Encode] is the body that was encoded: Encode proves
// it each time and refuses a body for which it does not hold.
//
// # Safety
//
// A DI comes from outside. Its DTD is never loaded, no entity is ever expanded
// and nothing is fetched. Of the declarations in the document itself only those
// of unparsed entities (NDATA) are used, as a table from entity to file name;
// internal, parsed and parameter entities are refused. Size, depth and the
// number of nodes and of entities are bounded. A file name never holds a path.
//
// # Errors
//
// What cannot be read gives a [*SyntaxError] with the line and the element. What
// was read but not understood, or was mended, stands in [Document.Warnings].
// What cannot be written gives an [*approval.InvalidError].
package di
