package twfido

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// The vectors are those that implementations of the specification agree on,
// under the key 00..1f.
const (
	vectorKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	vectorTx  = "046b6c7f-0b8a-43b9-b35d-6489e6daee91"
	vectorSP  = "7b2c7f94-9f7b-481a-89a8-56b883dea695"
	zero      = "000000000000000000000000"
)

func key(t testing.TB) Key {
	t.Helper()
	k, err := ParseKey(vectorKey)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestVectors(t *testing.T) {
	k := key(t)
	ath01 := []string{vectorTx, vectorSP, "A123456789", "SIGN", "I-SCAN", "待簽署資料", "DOC_DATA"}
	if got := string(digest(ath01)); got != "e85c7468cc949149fc9f77529ecb48a2aaf1c37e61ab6d8390a668c07a76544a" {
		t.Errorf("digest of ATH-01 is %s", got)
	}
	tests := []struct {
		what, nonce string
		payload     []string
		want        string
	}{
		{"ATH-01", zero, ath01, "0000000000000000000000006b8480bd8218b5856bcb9001211da5a0b4206f351fb6551db9fbd0e1f1c73c642f3e808d49c18f6305f21097f7aa517d903720d04f49259567d708107f547a85ee6d6ff96786eab903bcbb3e8e922ccc"},
		{"ATH-01 with a nonce", "1241c87f32fbe9effec8ac92", ath01, "1241c87f32fbe9effec8ac927088952faae77d1a86cb252126d2763cd748abb7803e4c1e3dab8516e2d697f57351b5e2d289d89a14b7b721e820ebeb936c141ba92ae69f11aeaba1f1ac058f9588475b1e4c8a0309da9c9b5f4e2ad9"},
		{"ATH-02", zero, []string{vectorTx, vectorSP, "TKT-0001"}, "0000000000000000000000003d89d7ee834de7d93e9bcf027948a2a9b327346649b6051ab6aa84b1f4c66f307a6dd18e4e9380640af640c5f4f70f77913776d14b14709166d5064273052cd2ca808f0d34e2e4f947901d836607f745"},
		{"ATH-03", zero, []string{vectorTx, vectorSP, "A123456789", "", "SIGN", "待簽署資料", "RE9DX0RBVEE="}, "0000000000000000000000006bdfd0ec8d1de7846ccacd0c2a1fa7aab67b65321be05417b7fb86b4f4c63e377d6dd6884fc5dd3056f440cca5fe0f7f9b3527d24c4275c668815e142f512fd3396207cb349bf863deb1cbca80558f43"},
		{"ATH-03 with a device", zero, []string{vectorTx, vectorSP, "A123456789", "MyPhone", "SIGN", "待簽署資料", "RE9DX0RBVEE="}, "00000000000000000000000039dfd3ed851be1846d9f990d2f48f3aeeb7437314de25617b5ae82b2f6c96b6f763d83854b97d93102fb47c7f6fe5c789c3274d01c4470c0678f591128507b8645bb346577eee1b9aa975ae60b9bd149"},
		{"LF-01", zero, []string{vectorTx, vectorSP, "A123456789"}, "0000000000000000000000006b8c8ce78549e2db6c9b9e012c4aa7fdea7634604be4541be6aed5b2f2cb38642c6dd6da1acade6202f74397f7fc5b7ac86322831f45719032805b157c5077d36881166a1e97b0944d366ef3367d45a8"},
		{"WEB-01", zero, []string{vectorTx, vectorSP, "SIGN", "待簽署資料", "RE9DX0RBVEE="}, "0000000000000000000000006f8e82bc814fbad9699d9b062d1ef3ffe570373710b9554eb8aed1bba3cb6a662a6dd0d91f94db6703f71397f5ab087e906225de1b4376c369d207457d572cd2ec09ff8cad583626eca4137bb71a32fe"},
	}
	for _, test := range tests {
		nonce, err := hex.DecodeString(test.nonce)
		if err != nil {
			t.Fatal(err)
		}
		got, err := k.seal(bytes.NewReader(nonce), test.payload...)
		if err != nil || got != test.want {
			t.Errorf("%s: %s, %v\nwant %s", test.what, got, err, test.want)
		}
		if !k.proves(test.want, test.payload...) || !k.proves(strings.ToUpper(test.want), test.payload...) {
			t.Errorf("%s is not proven", test.what)
		}
		if k.proves(test.want, append([]string{"x"}, test.payload...)...) {
			t.Errorf("%s is proven of another payload", test.what)
		}
		for i := 0; i < len(got); i += 7 {
			bad := []byte(got)
			bad[i] ^= 1
			if k.proves(string(bad), test.payload...) {
				t.Errorf("%s is proven although digit %d is another", test.what, i)
			}
		}
	}
	for _, sum := range []string{"", "00", strings.Repeat("0", checksumSize), strings.Repeat("x", checksumSize)} {
		if k.proves(sum, "a") {
			t.Errorf("%q is proven", sum)
		}
	}
	a, _ := k.seal(rand.Reader, "a")
	b, _ := k.seal(rand.Reader, "a")
	if a == b {
		t.Error("two checksums have one nonce")
	}
}

func TestParseKey(t *testing.T) {
	raw := bytes.Repeat([]byte{0xfb, 0xff}, 16)
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		k, err := ParseKey(" " + e.EncodeToString(raw) + "\n")
		if err != nil {
			t.Errorf("%s: %v", e.EncodeToString(raw), err)
		}
		if s := fmt.Sprint(k, k.LogValue()); s != "(key) (key)" {
			t.Errorf("printed as %s", s)
		}
	}
	for _, s := range []string{"", "AAEC", "!", vectorKey + "AA"} {
		if _, err := ParseKey(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}
