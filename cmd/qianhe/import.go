package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"qianhe/approval/intake"
)

// runImport imports documents. Each one is whole or not at all; one that
// fails does not stop the others. The exit status says whether any failed.
func runImport(ctx context.Context, e env, args []string) error {
	var to, handler, received, route string
	var quiet bool
	c, flags, err := loadConfig(e, "import", "[flags] FILE|DIR ...", args, func(fs *flag.FlagSet) {
		fs.StringVar(&to, "to", "", "accounts in signing order, such as lin,chang,wang,kao: the first handles (承辦), the last decides (決行)")
		fs.StringVar(&handler, "handler", "", "account of the handler, where it is not the first of -to")
		fs.StringVar(&received, "received", "", "when it was received, YYYY-MM-DD or RFC 3339; today without it")
		fs.StringVar(&route, "route", "", "JSON file {number?, handler, received?, route:[{account, duty?}]} for all, instead of -to; NAME.route.json beside NAME.di wins over both")
		fs.BoolVar(&quiet, "quiet", false, "say only what failed")
	})
	if err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return misuse("name files or directories")
	}
	common, err := commonOrder(to, handler, received, route)
	if err != nil {
		return err
	}
	found, err := collect(flags.Args())
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return errors.New("found no .di file and no .zip")
	}
	s, err := openStores(ctx, e, c)
	if err != nil {
		return err
	}
	defer s.close()

	im := s.importer()
	failed, repeated := 0, 0
	for i, b := range found {
		if ctx.Err() != nil {
			return fmt.Errorf("stopped after %d of %d", i, len(found))
		}
		number, err := im.bundle(ctx, b, common)
		switch {
		case duplicate(err) != nil && duplicate(err).SameFile:
			repeated++
			if !quiet {
				fmt.Fprintf(e.stdout, "[%d/%d] %s: was imported before\n", i+1, len(found), b.name)
			}
		case err != nil:
			failed++
			fmt.Fprintf(e.stderr, "[%d/%d] %s: %s\n", i+1, len(found), b.name, indent(err.Error()))
		case !quiet:
			fmt.Fprintf(e.stdout, "[%d/%d] %s: %s\n", i+1, len(found), b.name, number)
		}
	}
	fmt.Fprintf(e.stdout, "%d imported, %d known, %d failed\n", len(found)-failed-repeated, repeated, failed)
	if failed > 0 {
		return &failedError{failed, len(found)}
	}
	return nil
}

// bundle is what is imported together: the files of one DI or of one zip.
type bundle struct {
	name  string // the DI or zip, for messages
	files []intake.File
	order *intake.Order // from NAME.route.json
	err   error
}

// bundle imports what one bundle holds and gives the numbers.
func (im *importer) bundle(ctx context.Context, b bundle, common *intake.Order) (string, error) {
	order := b.order
	if order == nil {
		order = common
	}
	switch {
	case b.err != nil:
		return "", b.err
	case order == nil:
		return "", errors.New("no route: give -to, -route or a .route.json beside it")
	}
	packages, err := intake.Read(b.files)
	if err != nil {
		return "", err
	}
	if len(packages) != 1 {
		return "", fmt.Errorf("holds %d documents, must hold one", len(packages))
	}
	r, err := im.Import(ctx, packages[0], *order)
	if err != nil {
		return "", err
	}
	return strings.Join(append([]string{r.Document.Number}, r.Warnings...), "; "), nil
}

func commonOrder(to, handler, received, route string) (*intake.Order, error) {
	switch {
	case to != "" && route != "":
		return nil, misuse("give -to or -route, not both")
	case route != "":
		return readOrder(route)
	case to == "":
		return nil, nil
	}
	o := &intake.Order{Handler: handler, Received: received}
	for _, account := range list(to) {
		o.Route = append(o.Route, intake.RouteEntry{Account: account})
	}
	if o.Handler == "" && len(o.Route) > 0 {
		o.Handler = o.Route[0].Account
	}
	return o, nil
}

func readOrder(path string) (*intake.Order, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	var o intake.Order
	if err := d.Decode(&o); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &o, nil
}

// collect finds the bundles below the given paths, in name order. A DI takes
// along every other file of its directory; which of them are its attachments
// is for intake to say.
func collect(paths []string) ([]bundle, error) {
	var found []bundle
	for _, root := range paths {
		info, err := os.Stat(root)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			found = append(found, readBundle(root))
			continue
		}
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if ext := strings.ToLower(filepath.Ext(path)); d.Type().IsRegular() && (ext == ".di" || ext == ".zip") {
				found = append(found, readBundle(path))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(found, func(a, b bundle) int { return strings.Compare(a.name, b.name) })
	return found, nil
}

// maxFile caps what is read of one file before intake looks at it.
const maxFile = 200 << 20

func readBundle(path string) bundle {
	b := bundle{name: path}
	stem := strings.TrimSuffix(path, filepath.Ext(path))
	if _, err := os.Stat(stem + ".route.json"); err == nil {
		if b.order, err = readOrder(stem + ".route.json"); err != nil {
			b.err = err
			return b
		}
	}
	names := []string{path}
	if strings.EqualFold(filepath.Ext(path), ".di") {
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil {
			b.err = err
			return b
		}
		for _, entry := range entries {
			name := filepath.Join(filepath.Dir(path), entry.Name())
			ext := strings.ToLower(filepath.Ext(name))
			if entry.Type().IsRegular() && name != filepath.Clean(path) && ext != ".di" && ext != ".zip" && !strings.HasSuffix(name, ".route.json") {
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err == nil && info.Size() > maxFile {
			err = fmt.Errorf("%s: larger than %d MB", name, maxFile>>20)
		}
		var content []byte
		if err == nil {
			content, err = os.ReadFile(name)
		}
		if err != nil {
			b.err = err
			return b
		}
		b.files = append(b.files, intake.File{Name: filepath.Base(name), Bytes: content})
	}
	return b
}
