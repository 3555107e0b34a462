package hub

import (
	"strconv"
	"strings"

	"qianhe/approval"
)

// endedMark stands before the id of an ended session. Nodes of a version that
// does not know it pass over it, as over everything they cannot read.
const endedMark = "!"

// EncodeChanges writes changes as nodes send them to each other,
// "person:rev,!session,person:rev", in as many payloads of at most limit bytes
// as it takes.
func EncodeChanges(changes []Change, limit int) []string {
	var (
		payloads []string
		b        strings.Builder
	)
	for _, c := range changes {
		item := endedMark + c.Ended
		if c.Ended == "" {
			item = string(c.Person) + ":" + strconv.FormatInt(c.Rev, 10)
		}
		if b.Len() > 0 && b.Len()+1+len(item) > limit {
			payloads = append(payloads, b.String())
			b.Reset()
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(item)
	}
	if b.Len() > 0 {
		payloads = append(payloads, b.String())
	}
	return payloads
}

// DecodeChanges reads a payload; what cannot be read is left out, and the
// sweep makes up for it.
func DecodeChanges(payload string) []Change {
	changes := make([]Change, 0, 1+strings.Count(payload, ","))
	for item := range strings.SplitSeq(payload, ",") {
		if session, ok := strings.CutPrefix(item, endedMark); ok {
			if session != "" {
				changes = append(changes, Change{Ended: session})
			}
			continue
		}
		person, rev, ok := strings.Cut(item, ":")
		n, err := strconv.ParseInt(rev, 10, 64)
		if !ok || err != nil || person == "" {
			continue
		}
		changes = append(changes, Change{Person: approval.PersonID(person), Rev: n})
	}
	return changes
}
