// Verifies a log below a prefix with the library of Go's checksum database: its notes, its tiles, its trees.
//
//	go run check.go PREFIX VKEY OLD_CHECKPOINT CONSISTENCY_JSON PROOF_JSON LEAF
//
// Each file is one that the server made. It prints what was proven, and exits with code 1 at the first fault.
package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error) {
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
}

func read(name string) []byte {
	data, err := os.ReadFile(name)
	check(err)
	return data
}

func get(url string) ([]byte, error) {
	response, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, response.Status)
	}
	return body, err
}

// open verifies the signature of a checkpoint, and returns the tree. The library reads the trees of one log only, whose first line
// is fixed, so the origin is compared here and replaced.
func open(checkpoint []byte, vkey string) tlog.Tree {
	verifier, err := note.NewVerifier(vkey)
	check(err)
	opened, err := note.Open(checkpoint, note.VerifierList(verifier))
	check(err)
	origin, rest, _ := strings.Cut(opened.Text, "\n")
	if origin != verifier.Name() {
		check(fmt.Errorf("the origin is %s", origin))
	}
	tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + rest))
	check(err)
	return tree
}

// tiles reads tiles as C2SP tlog-tiles names them: without the height, which is always 8.
type tiles struct{ prefix string }

func (t tiles) Height() int { return 8 }

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		data, err := get(t.prefix + strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func hashes(texts []string) []tlog.Hash {
	var found []tlog.Hash
	for _, text := range texts {
		var hash tlog.Hash
		raw, err := hex.DecodeString(text)
		check(err)
		copy(hash[:], raw)
		found = append(found, hash)
	}
	return found
}

func main() {
	prefix, vkey := os.Args[1], os.Args[2]
	newest, err := get(prefix + "checkpoint")
	check(err)
	tree, old := open(newest, vkey), open(read(os.Args[3]), vkey)
	reader := tlog.TileHashReader(tree, tiles{prefix})

	var proof struct {
		Checkpoint string
		Position   int64
		Inclusion  []string
	}
	check(json.Unmarshal(read(os.Args[5]), &proof))
	leaf := tlog.RecordHash(read(os.Args[6]))
	of := open([]byte(proof.Checkpoint), vkey)
	check(tlog.CheckRecord(hashes(proof.Inclusion), of.N, of.Hash, proof.Position, leaf))
	fmt.Printf("the proof of the server: entry %d of %d\n", proof.Position, of.N)

	inclusion, err := tlog.ProveRecord(tree.N, proof.Position, reader)
	check(err)
	check(tlog.CheckRecord(inclusion, tree.N, tree.Hash, proof.Position, leaf))
	fmt.Printf("the proof from tiles: entry %d of %d\n", proof.Position, tree.N)

	var served struct {
		From, To    int64
		Consistency []string
	}
	check(json.Unmarshal(read(os.Args[4]), &served))
	if served.From != old.N || served.To != tree.N {
		check(fmt.Errorf("the consistency proof is from %d to %d", served.From, served.To))
	}
	check(tlog.CheckTree(hashes(served.Consistency), tree.N, tree.Hash, old.N, old.Hash))
	consistency, err := tlog.ProveTree(tree.N, old.N, reader)
	check(err)
	check(tlog.CheckTree(consistency, tree.N, tree.Hash, old.N, old.Hash))
	fmt.Printf("the log grew from %d to %d\n", old.N, tree.N)

	all := make([]int64, tree.N)
	for id := range all {
		all[id] = tlog.StoredHashIndex(0, int64(id))
	}
	leaves, err := reader.ReadHashes(all)
	check(err)
	var stored []byte
	for tile := int64(0); tile*256 < tree.N; tile++ {
		path := tlog.Tile{H: 8, L: -1, N: tile, W: int(min(256, tree.N-tile*256))}.Path()
		data, err := get(prefix + strings.Replace(path, "tile/8/data/", "tile/entries/", 1))
		check(err)
		stored = append(stored, data...)
	}
	for id := range leaves {
		length := int(stored[0])<<8 | int(stored[1])
		entry := stored[2 : 2+length]
		stored = stored[2+length:]
		if got := tlog.RecordHash(entry); !bytes.Equal(got[:], leaves[id][:]) {
			check(fmt.Errorf("entry %d is not the one in the tree", id))
		}
	}
	if len(stored) != 0 {
		check(fmt.Errorf("%d bytes after the last entry", len(stored)))
	}
	fmt.Printf("all %d entries are in the tree\n", tree.N)
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}
