package pgapproval_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
)

// cancelling cancels the caller's context when all has been queued.
type cancelling struct {
	*queue
	cancel context.CancelFunc
}

func (c cancelling) EnqueueTx(ctx context.Context, tx pgx.Tx, events []approval.Event) (func(), error) {
	defer c.cancel()
	return c.queue.EnqueueTx(ctx, tx, events)
}

// Of two decisions on one document at the same time exactly one wins, and the
// other reads who was first; a thousand times over.
func TestTwoDecideAtOnce(t *testing.T) {
	t.Parallel()
	const rounds, workers = 1000, 5
	b := setup(t)
	b.seedPending(t, b.o.Director.ID, rounds)
	_, err := b.pool.Exec(t.Context(), `update step set duty = 'decide' where state = 'active'`)
	must(t, err)
	_, err = b.pool.Exec(t.Context(), `update document set grade = ''`)
	must(t, err)

	ids := column[approval.DocumentID](t, b.pool, `select id from document order by id`)
	work := make(chan approval.DocumentID)
	var lost [3]atomic.Int64 // to a decision, to a return, otherwise
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			newID := approvaltest.IDs(uint64(1000 + w))
			for id := range work {
				errs := b.duel(t, id, newID)
				winners := 0
				for _, err := range errs {
					decided, ok := errors.AsType[*approval.DecidedError](err)
					switch {
					case err == nil:
						winners++
					case ok && decided.Action == approval.ActionDecide && decided.By == "局長 王怡君":
						lost[0].Add(1)
					case ok && decided.Action == approval.ActionReturn && decided.By == "局長 王怡君":
						lost[1].Add(1)
					default:
						lost[2].Add(1)
						t.Errorf("%s: the loser reads %v", id, err)
					}
				}
				if winners != 1 {
					t.Errorf("%s: %d winners: %v", id, winners, errs)
				}
			}
		})
	}
	for _, id := range ids {
		work <- id
	}
	close(work)
	all.Wait()
	if got := column[int](t, b.pool, `select count(*) from decision`)[0]; got != rounds {
		t.Errorf("%d records of %d decisions", got, rounds)
	}
	if got := column[int](t, b.pool, `select count(*) from form_token`)[0]; got != rounds {
		t.Errorf("%d tokens were used up for %d decisions", got, rounds)
	}
	if got := column[int](t, b.pool, `select count(*) from document where revision <> 2`)[0]; got != 0 {
		t.Errorf("%d documents were changed other than once", got)
	}
	t.Logf("lost to a decision: %d, to a return: %d", lost[0].Load(), lost[1].Load())
}

// duel has the director decide and return one document at the same moment, on
// two devices that both show it as open.
func (b *bundle) duel(t *testing.T, id approval.DocumentID, newID func() string) [2]error {
	step := approval.StepID("b" + string(id))
	returned := []approval.StepID{approval.StepID(newID()), approval.StepID(newID())}
	deeds := [2]func(*approval.Document, approval.Act) ([]approval.Event, error){
		func(d *approval.Document, a approval.Act) ([]approval.Event, error) { return d.Decide(a) },
		func(d *approval.Document, a approval.Act) ([]approval.Event, error) {
			i := -1
			a.NewID = func() string { i++; return string(returned[i]) }
			return d.Return(a, approval.ReturnToHandler)
		},
	}
	var errs [2]error
	start := make(chan struct{})
	var both sync.WaitGroup
	for i, do := range deeds {
		both.Go(func() {
			<-start
			errs[i] = b.store.UpdateOnce(t.Context(), id, token(fmt.Sprint(id, i)), approvaltest.Now(), func(d *approval.Document) ([]approval.Event, error) {
				return do(d, b.o.Act(d, b.o.Director.ID, step, 1, "如擬。", nil))
			})
		})
	}
	close(start)
	both.Wait()
	return errs
}

// The same form sent twice at once, by an impatient thumb or a retrying proxy,
// counts once, even when what it does could be done twice.
func TestSameTokenAtOnce(t *testing.T) {
	t.Parallel()
	const rounds, times = 50, 4
	b := setup(t)
	d := b.create(t, b.o.Draft("1"))
	other := b.create(t, b.o.Draft("2"))
	for n := range rounds {
		var ran atomic.Int64
		errs := make([]error, times)
		start := make(chan struct{})
		var all sync.WaitGroup
		for i := range errs {
			id := d.ID
			if i == 1 {
				id = other.ID // the token is of the form, whatever document it names
			}
			all.Go(func() {
				<-start
				errs[i] = b.store.UpdateOnce(t.Context(), id, token(fmt.Sprint(n)), approvaltest.Now(), func(d *approval.Document) ([]approval.Event, error) {
					ran.Add(1)
					d.Deadline.Rule = fmt.Sprint("round ", n)
					return nil, nil
				})
			})
		}
		close(start)
		all.Wait()
		replayed := 0
		for _, err := range errs {
			if errors.Is(err, approval.ErrReplayed) {
				replayed++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if replayed != times-1 || ran.Load() != 1 {
			t.Fatalf("round %d: %d replayed, %d ran: %v", n, replayed, ran.Load(), errs)
		}
	}
	if got := b.load(t, d.ID).Revision + b.load(t, other.ID).Revision - d.Revision - other.Revision; got != rounds {
		t.Errorf("%d changes of %d forms", got, rounds)
	}
}

func TestSweepFormTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.create(t, b.o.Draft("1"))
	use := func(n int) error {
		return b.store.UpdateOnce(t.Context(), d.ID, token(fmt.Sprint(n)), minutes(n), func(*approval.Document) ([]approval.Event, error) { return nil, nil })
	}
	for n := range 5 {
		must(t, use(n)) // used up although nothing was changed
	}
	n, err := b.store.SweepFormTokens(t.Context(), minutes(3))
	must(t, err)
	if n != 3 {
		t.Errorf("swept %d, want 3", n)
	}
	wantError(t, "a token that was kept", use(3), approval.ErrReplayed)
	must(t, use(2))
}
