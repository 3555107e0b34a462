package password

// Occupy takes n turns, until the function it gives is called.
func (h *Hasher) Occupy(n int) func() {
	for range n {
		h.slots <- struct{}{}
	}
	return func() {
		for range n {
			<-h.slots
		}
	}
}
