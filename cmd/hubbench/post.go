package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// poster publishes over one kept connection. It writes its requests itself:
// what a publisher costs is not to be the measure of the server.
type poster struct {
	address string
	head    string
	conn    net.Conn
	in      *bufio.Reader
	buf     bytes.Buffer
}

func newPoster(address, token string) (*poster, error) {
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		return nil, err
	}
	return &poster{
		address: address, conn: conn, in: bufio.NewReaderSize(conn, 4096),
		head: "POST /api/v1/notifications HTTP/1.1\r\nHost: " + address + "\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/json\r\nContent-Length: ",
	}, nil
}

func (p *poster) close() { p.conn.Close() }

// notice is the body of a request that tells people of an announcement.
func notice(recipients ...string) []byte {
	b, _ := json.Marshal(map[string]any{"kind": "announcement", "title": "系統維護公告：今晚十時起停機一小時", "recipients": recipients})
	return b
}

// publish returns when the answer has come; anything but "created" is an error.
func (p *poster) publish(ctx context.Context, body []byte) error {
	if deadline, ok := ctx.Deadline(); ok {
		_ = p.conn.SetDeadline(deadline)
	} else {
		_ = p.conn.SetDeadline(time.Now().Add(time.Minute))
	}
	p.buf.Reset()
	p.buf.WriteString(p.head)
	p.buf.WriteString(strconv.Itoa(len(body)))
	p.buf.WriteString("\r\n\r\n")
	p.buf.Write(body)
	if _, err := p.conn.Write(p.buf.Bytes()); err != nil {
		return err
	}
	status, err := p.in.ReadString('\n')
	if err != nil {
		return err
	}
	length, chunked := 0, false
	for {
		line, err := p.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		name, value, _ := strings.Cut(string(line), ":")
		switch strings.ToLower(name) {
		case "content-length":
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		case "transfer-encoding":
			chunked = true
		}
	}
	if chunked {
		if err := p.skipChunks(); err != nil {
			return err
		}
	} else if _, err := p.in.Discard(length); err != nil {
		return err
	}
	if !strings.HasPrefix(status, "HTTP/1.1 "+strconv.Itoa(http.StatusCreated)) {
		return fmt.Errorf("answer is %q", strings.TrimSpace(status))
	}
	return nil
}

func (p *poster) skipChunks() error {
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
		if err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, p.in, n+2); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
}
