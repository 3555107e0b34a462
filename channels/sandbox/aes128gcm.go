package sandbox

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// decrypt opens the body of a push message as the browser does that holds the
// subscription's private key and authentication secret (RFC 8188, RFC 8291).
// It is written on the standard library alone, so that it does not share the
// sender's mistakes.
func decrypt(body []byte, private *ecdh.PrivateKey, auth []byte) ([]byte, error) {
	// salt(16) rs(4) idlen(1) keyid(idlen) record, RFC 8188 §2.1
	if len(body) < saltEtc {
		return nil, errors.New("body is shorter than its header")
	}
	salt, size, length := body[:16], binary.BigEndian.Uint32(body[16:20]), int(body[20])
	if length != 65 {
		return nil, fmt.Errorf("key id has %d bytes, want the 65 of a P-256 point", length)
	}
	sender, record := body[21:saltEtc], body[saltEtc:]
	if size < 18 || len(record) > int(size) {
		return nil, fmt.Errorf("a record of %d bytes does not fit the record size %d: a push is one record (RFC 8291 §4)", len(record), size)
	}
	public, err := ecdh.P256().NewPublicKey(sender)
	if err != nil {
		return nil, fmt.Errorf("key of the sender: %w", err)
	}
	secret, err := private.ECDH(public)
	if err != nil {
		return nil, fmt.Errorf("key agreement: %w", err)
	}
	// RFC 8291 §3.4
	info := "WebPush: info\x00" + string(private.PublicKey().Bytes()) + string(sender)
	ikm, err := hkdf.Key(sha256.New, secret, auth, info, 32)
	if err != nil {
		return nil, fmt.Errorf("input keying material: %w", err)
	}
	prk, err := hkdf.Extract(sha256.New, ikm, salt)
	if err != nil {
		return nil, fmt.Errorf("pseudo-random key: %w", err)
	}
	cek, err := hkdf.Expand(sha256.New, prk, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, fmt.Errorf("content encryption key: %w", err)
	}
	nonce, err := hkdf.Expand(sha256.New, prk, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, fmt.Errorf("nonce: %w", err)
	}
	block, err := aes.NewCipher(cek)
	if err != nil {
		return nil, fmt.Errorf("cipher: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("cipher: %w", err)
	}
	plain, err := gcm.Open(nil, nonce, record, nil)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	// The last record ends with 0x02 and zeros, RFC 8188 §2.
	text := bytes.TrimRight(plain, "\x00")
	if len(text) == 0 || text[len(text)-1] != 2 {
		return nil, errors.New("record has no delimiter of a last record")
	}
	return text[:len(text)-1], nil
}
