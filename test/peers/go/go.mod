module peers

go 1.21

require (
	github.com/neovim/go-client v1.2.1
	github.com/ugorji/go/codec v1.3.2
)
