// The packages ugorji/go/codec and neovim/go-client: "LIBRARY client PORT" calls Peer and prints a line for each case,
// "LIBRARY server PORT" is called.
package main

import (
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	nvim "github.com/neovim/go-client/msgpack/rpc"
	"github.com/ugorji/go/codec"
)

// A caller of either library.
type caller interface {
	call(method string, args ...interface{}) (interface{}, error)
	notify(method string, args ...interface{}) error
}

type ugorji struct{ client *rpc.Client }

func (u ugorji) call(method string, args ...interface{}) (interface{}, error) {
	var result interface{}
	pending := u.client.Go(method, append(codec.MsgpackSpecRpcMultiArgs{}, args...), &result, make(chan *rpc.Call, 1))
	select {
	case <-pending.Done:
		return result, pending.Error
	case <-time.After(3 * time.Second):
		return nil, errors.New("no answer in 3 s")
	}
}

func (u ugorji) notify(string, ...interface{}) error {
	return errors.New("n/a: the library has no notifications")
}

type neovim struct{ endpoint *nvim.Endpoint }

func (n neovim) call(method string, args ...interface{}) (interface{}, error) {
	var result interface{}
	pending := n.endpoint.Go(method, make(chan *nvim.Call, 1), &result, args...)
	select {
	case <-pending.Done:
		return result, pending.Err
	case <-time.After(3 * time.Second):
		return nil, errors.New("no answer in 3 s")
	}
}

func (n neovim) notify(method string, args ...interface{}) error {
	return n.endpoint.Notify(method, args...)
}

// What is served by either library.
type Peer struct{ noted int64 }

func (*Peer) Echo(value *interface{}, reply *interface{}) error {
	*reply = *value
	return nil
}

func (*Peer) Odd(_ *interface{}, reply *interface{}) error {
	*reply = map[int]string{1: "a"}
	return nil
}

func (*Peer) Fail(*interface{}, *interface{}) error {
	return errors.New("NOT_FOUND: as asked")
}

// Without a logger, the library dereferences nil at what it would log.
func silence(string, ...interface{}) {}

func handle() *codec.MsgpackHandle {
	handle := &codec.MsgpackHandle{WriteExt: true}
	handle.RawToString = true
	return handle
}

func same(peer caller, value interface{}) error {
	result, err := peer.call("Peer.Echo", value)
	if err != nil {
		return err
	}
	if fmt.Sprint(result) != fmt.Sprint(value) {
		return fmt.Errorf("%v came back as %v of type %v", value, result, reflect.TypeOf(result))
	}
	return nil
}

func fails(peer caller, method string, code string) error {
	_, err := peer.call(method)
	if err == nil {
		return errors.New("it did not fail")
	}
	if !strings.Contains(err.Error(), code) {
		return err
	}
	return nil
}

func notify(peer caller) error {
	if err := peer.notify("Peer.Note", 1); err != nil {
		return err
	}
	count, err := peer.call("Peer.Noted")
	if err == nil && fmt.Sprint(count) != "1" {
		err = fmt.Errorf("%v came", count)
	}
	return err
}

func runClient(peer caller) {
	cases := []struct {
		name string
		run  func() error
	}{
		{"call", func() error { return same(peer, "hi") }},
		{"integer key", func() error { return same(peer, map[int]string{1: "a"}) }},
		{"bin key", func() error { return same(peer, map[interface{}]interface{}{[1]byte{107}: "a"}) }},
		{"nil key", func() error { return same(peer, map[interface{}]interface{}{nil: "a"}) }},
		{"error", func() error { return fails(peer, "Peer.Fail", "NOT_FOUND") }},
		{"unknown method", func() error { return fails(peer, "Peer.Nothing", "UNIMPLEMENTED") }},
		{"notify", func() error { return notify(peer) }},
		{"still there", func() error { return same(peer, 2) }},
		// A library that cannot read one may end its connection.
		{"array key", func() error { return same(peer, map[[2]int]string{{1, 2}: "a"}) }},
	}
	for _, each := range cases {
		answer := "ok"
		if err := each.run(); err != nil {
			answer = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		fmt.Printf("%s\t%s\n", each.name, answer)
	}
}

func serve(library string, connection net.Conn, peer *Peer, server *rpc.Server) {
	if library == "ugorji" {
		server.ServeCodec(codec.MsgpackSpecRpc.ServerCodec(connection, handle()))
		return
	}
	endpoint, err := nvim.NewEndpoint(connection, connection, connection, nvim.WithLogf(silence))
	if err != nil {
		return
	}
	endpoint.Register("Peer.Echo", func(value interface{}) (interface{}, error) { return value, nil })
	endpoint.Register("Peer.Odd", func() (map[int]string, error) { return map[int]string{1: "a"}, nil })
	endpoint.Register("Peer.Fail", func() error { return errors.New("NOT_FOUND: as asked") })
	endpoint.Register("Peer.Note", func(interface{}) { atomic.AddInt64(&peer.noted, 1) })
	endpoint.Register("Peer.Noted", func() (int64, error) { return atomic.LoadInt64(&peer.noted), nil })
	endpoint.Serve()
}

func runServer(library string, port string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	fmt.Println("listening")
	peer := &Peer{}
	server := rpc.NewServer()
	server.Register(peer)
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go serve(library, connection, peer, server)
	}
}

func run(library string, role string, port string) error {
	if role == "server" {
		return runServer(library, port)
	}
	connection, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	if library == "ugorji" {
		runClient(ugorji{rpc.NewClientWithCodec(codec.MsgpackSpecRpc.ClientCodec(connection, handle()))})
		return nil
	}
	endpoint, err := nvim.NewEndpoint(connection, connection, connection, nvim.WithLogf(silence))
	if err != nil {
		return err
	}
	go endpoint.Serve()
	runClient(neovim{endpoint})
	return nil
}

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
