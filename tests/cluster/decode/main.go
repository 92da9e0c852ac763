// Reads files as kubectl does and prints what it would send: one JSON string (the text of a file) a
// line on standard input, one JSON object a line on standard output, with the documents as values and
// whether the file ends in an error. It made compiler/yaml/src/kubectl.jsonl.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

type result struct {
	Text   string            `json:"text"`
	Values []json.RawMessage `json:"values"`
	Failed bool              `json:"failed"`
	Error  string            `json:"error,omitempty"`
}

func decode(text string) (found result) {
	found.Text = text
	found.Values = []json.RawMessage{}
	defer func() {
		if recovered := recover(); recovered != nil {
			found.Failed = true
			found.Error = fmt.Sprint(recovered)
		}
	}()
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var raw runtime.RawExtension
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			found.Failed = true
			found.Error = err.Error()
			return
		}
		value := strings.TrimSpace(string(raw.Raw))
		if value != "" && value != "null" {
			found.Values = append(found.Values, json.RawMessage(value))
		}
	}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<26)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		var text string
		if err := json.Unmarshal(lines.Bytes(), &text); err != nil {
			panic(err)
		}
		if err := out.Encode(decode(text)); err != nil {
			panic(err)
		}
	}
}
