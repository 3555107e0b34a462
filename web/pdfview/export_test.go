package pdfview

// Waiting is how many callers' work waits for an instance.
func (v *Viewer) Waiting() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.waiting
}
