package approvaltest_test

import (
	"crypto/sha256"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
)

func TestBody(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 3, 50, 200} {
		count, deepest := 0, 0
		var walk func(list []approval.Item, depth int)
		walk = func(list []approval.Item, depth int) {
			for _, it := range list {
				count++
				deepest = max(deepest, depth)
				if it.Ordinal == "" || it.Text == "" {
					t.Errorf("Body(%d) has an empty paragraph", n)
				}
				walk(it.Items, depth+1)
			}
		}
		for _, s := range approvaltest.Body(n).Sections {
			walk(s.Items, 1)
		}
		if count != n {
			t.Errorf("Body(%d) has %d paragraphs", n, count)
		}
		if n == 200 && deepest != 4 {
			t.Errorf("Body(%d) is %d levels deep, want 4", n, deepest)
		}
	}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	files, blobs := approvaltest.Attachments(approvaltest.IDs(1), 3, 100)
	if len(files) != 4 || len(blobs) != 4 {
		t.Fatalf("%d files of %d contents, want 4 of 4", len(files), len(blobs))
	}
	for _, f := range files {
		b := blobs[f.SHA256]
		if sha256.Sum256(b) != f.SHA256 || int64(len(b)) != f.Size || f.Size < 100 {
			t.Errorf("file %+v has %d bytes", f, len(b))
		}
	}
}

func TestSamplesAreTheSame(t *testing.T) {
	t.Parallel()
	make := func(seed uint64) *approval.Document {
		newID := approvaltest.IDs(seed)
		o := approvaltest.NewOffice(newID)
		d := o.Document(newID, "1")
		o.Forward(d, o.Director.ID, newID)
		return d
	}
	if diff := cmp.Diff(make(1), make(1)); diff != "" {
		t.Errorf("two samples of one seed differ:\n%s", diff)
	}
	if make(1).ID == make(2).ID {
		t.Error("two seeds give the same identifier")
	}
	if d := make(1); !approval.ValidID(string(d.ID)) || d.Route.Steps[4].State != approval.StepActive {
		t.Errorf("document = %+v", d)
	}
}
