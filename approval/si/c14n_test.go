package si

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func canon(t *testing.T, xml, id string, form Form) string {
	t.Helper()
	root, err := parse([]byte(xml))
	if err != nil {
		t.Fatalf("%s: %v", xml, err)
	}
	for n := range root.walk() {
		if n.kind == element && (id == "" || n.id() == id) {
			var b strings.Builder
			if err := canonical(&b, n, form); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
	}
	t.Fatalf("no %s in %s", id, xml)
	return ""
}

// The examples of the recommendation (§3.2 to §3.4), those parts that need no
// DTD, and what subsets of a document inherit (§2.4).
func TestCanonical(t *testing.T) {
	tests := []struct{ what, xml, id, want string }{
		{"white space", "<doc>\n   <clean>   </clean>\n   <mixed>\n      A\n      <clean>   </clean>\n   </mixed>\n</doc>", "",
			"<doc>\n   <clean>   </clean>\n   <mixed>\n      A\n      <clean>   </clean>\n   </mixed>\n</doc>"},
		{"start and end tags", `<!DOCTYPE doc><doc>
   <e1   />
   <e2   ></e2>
   <e3   name = "elem3"   id="elem3"   />
   <e5 a:attr="out" b:attr="sorted" attr2="all" attr="I'm"
      xmlns:b="http://www.ietf.org"
      xmlns:a="http://www.w3.org"
      xmlns="http://example.org"/>
   <e6 xmlns="" xmlns:a="http://www.w3.org">
      <e7 xmlns="http://www.ietf.org">
         <e8 xmlns="" xmlns:a="http://www.w3.org">
            <e9 xmlns="" xmlns:a="http://www.ietf.org"/>
         </e8>
      </e7>
   </e6>
</doc>`, "", `<doc>
   <e1></e1>
   <e2></e2>
   <e3 id="elem3" name="elem3"></e3>
   <e5 xmlns="http://example.org" xmlns:a="http://www.w3.org" xmlns:b="http://www.ietf.org" attr="I'm" attr2="all" b:attr="sorted" a:attr="out"></e5>
   <e6 xmlns:a="http://www.w3.org">
      <e7 xmlns="http://www.ietf.org">
         <e8 xmlns="">
            <e9 xmlns:a="http://www.ietf.org"></e9>
         </e8>
      </e7>
   </e6>
</doc>`},
		{"characters and references", "<doc>\r\n   <text>First line&#x0d;&#10;Second line</text>\r   <value>&#x32;</value>\n   <compute><![CDATA[value>\"0\" && value<\"10\" ?\"valid\":\"error\"]]></compute>\n   <compute expr='value>\"0\" &amp;&amp; value&lt;\"10\" ?\"valid\":\"error\"'>valid</compute>\n   <norm attr=' &apos;   &#x20;&#13;&#xa;&#9;   &apos; ' two='a\tb\nc'/>\n</doc>", "",
			"<doc>\n   <text>First line&#xD;\nSecond line</text>\n   <value>2</value>\n   <compute>value&gt;\"0\" &amp;&amp; value&lt;\"10\" ?\"valid\":\"error\"</compute>\n   <compute expr=\"value>&quot;0&quot; &amp;&amp; value&lt;&quot;10&quot; ?&quot;valid&quot;:&quot;error&quot;\">valid</compute>\n   <norm attr=\" '    &#xD;&#xA;&#x9;   ' \" two=\"a b c\"></norm>\n</doc>"},
		{"instructions and comments", "<a><!-- gone --><?pi   some  data ?><?bare?>x<!-- gone -->y</a>", "", "<a><?pi some  data ?><?bare?>xy</a>"},
		{"a part inherits namespaces and XML's own attributes", `<a xmlns="urn:a" xmlns:p="urn:p" xml:lang="zh" xml:space="preserve"><b Id="b" xml:lang="en"><p:c xmlns:p="urn:p"/><d xmlns=""/></b></a>`, "b",
			`<b xmlns="urn:a" xmlns:p="urn:p" Id="b" xml:lang="en" xml:space="preserve"><p:c></p:c><d xmlns=""></d></b>`},
	}
	for _, test := range tests {
		if got := canon(t, test.xml, test.id, AsIs); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.what, got, test.want)
		}
	}
	if got, want := canon(t, "<a>\n <b> </b>\n <c> x </c><![CDATA[ ]]><!-- --> y</a>", "", Stripped), "<a><b></b><c> x </c>  y</a>"; got != want {
		t.Errorf("stripped: %s, want %s", got, want)
	}
}

// What is not well-formed, or says more than it shows, is refused with a line.
func TestRefused(t *testing.T) {
	for _, xml := range []string{
		"", "   ", "x", "<a>", "<a></b>", "<a/><b/>", "<a/>x", "<a b='1' b='2'/>", "<a b=1/>", "<a b/>", "<a b='<'/>", "<a b='1'c='2'/>", "<a>&nbsp;</a>", "<a>&</a>", "<a>&#0;</a>", "<a>&#xD800;</a>", "<a>&#99999999999;</a>",
		"<a>]]></a>", "<a><![CDATA[x</a>", "<a><!-- -- --></a>", "<a><!-- </a>", "<a><?xml version='1.0'?></a>", "<a><?p</a>", "<?xml version='1.0'", "<:a/>", "<a:/>", "<a:b:c/>", "<1/>", "<a\x00/>", "<a>\x01</a>", "<a>\xff</a>", "<a>\uFFFE</a>",
		"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]><a/>", "<!DOCTYPE a", "<!DOCTYPE a><!DOCTYPE a><a/>", "<a/><!DOCTYPE a>",
		"<!DOCTYPE a SYSTEM 'x", strings.Repeat("<a>", 100), "\xff\xfe<\x00a\x00",
	} {
		_, err := parse([]byte(xml))
		if syntax, ok := errors.AsType[*SyntaxError](err); !ok || syntax.Reason == "" {
			t.Errorf("%q: %v", xml, err)
		}
	}
	for _, log := range []string{"<別的/>", "<線上簽核/>", `<線上簽核><線上簽核資訊><簽核點定義 Id="a"/><簽核點定義 Id="a"/></線上簽核資訊></線上簽核>`} {
		if _, err := Decode([]byte(log)); err == nil {
			t.Errorf("%s was read", log)
		}
	}
}

func TestTime(t *testing.T) {
	tests := map[string]string{"11312191504": "2024-12-19T15:04:00+08:00", "9912191504": "2010-12-19T15:04:00+08:00", "1131219150407": "2024-12-19T15:04:07+08:00"}
	for in, want := range tests {
		if got, ok := ParseTime(in); !ok || got.Format(time.RFC3339) != want {
			t.Errorf("%s is %v, %v, want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "1131219", "11313191504", "11312192504", "11302301504", "1131219150x", "-1131219150", "00012191504"} {
		if got, ok := ParseTime(in); ok {
			t.Errorf("%q is %v", in, got)
		}
	}
	for _, at := range []time.Time{time.Date(2024, 12, 19, 7, 4, 59, 0, time.UTC), time.Date(2010, 1, 2, 3, 4, 0, 0, taipei)} {
		got, ok := ParseTime(FormatTime(at))
		if !ok || !got.Equal(at.Truncate(time.Minute)) {
			t.Errorf("%v became %s and %v", at, FormatTime(at), got)
		}
	}
}
