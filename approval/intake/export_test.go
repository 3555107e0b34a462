package intake

// For tests of the parts that look at bytes.
var (
	Encrypted = encrypted
	MediaType = mediaType
)
