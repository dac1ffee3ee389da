// What the official SDK for Go does with a service, configured by SCW_* variables alone. The
// command `scw` and the Terraform provider stand on it: the calls here are theirs.
//
// Prints a line for each step; ends with 1 at the first that goes wrong.
package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"

	"github.com/scaleway/scaleway-sdk-go/scw"
)

const unknown = "11111111-2222-4333-8444-555555555555"

func main() {
	defer func() {
		if found, is := recover().(wrong); is {
			fmt.Fprintln(os.Stderr, "wrong: "+string(found))
			os.Exit(1)
		}
	}()
	client := must(scw.NewClient(scw.WithEnv()))
	functions(client)
	containers(client)
	projects(client)
	accessManagement(client)
	fmt.Println("all passed")
}

func step(name string) {
	fmt.Println(name)
}

// A step that went wrong ends the program.
type wrong string

func same[T any](what string, found, expected T) {
	if !reflect.DeepEqual(found, expected) {
		panic(wrong(fmt.Sprintf("%s: expected %v, found %v", what, expected, found)))
	}
}

func holds(what string, condition bool) {
	if !condition {
		panic(wrong(what))
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(wrong(err.Error()))
	}
	return value
}

func done(err error) {
	must(true, err)
}

// What a call that has to be refused says.
func failed[T any](_ T, err error) error {
	return err
}

// The error has to be of this type, as the provider and `scw` tell errors apart.
func refused[E error](what string, err error) E {
	var found E
	if !errors.As(err, &found) {
		panic(wrong(fmt.Sprintf("%s: expected a %T, found a %T: %v", what, found, err, err)))
	}
	return found
}

// v1beta1 tells nothing of an error but a message and the status.
func status(what string, err error, expected int) {
	found := refused[*scw.ResponseError](what, err)
	same(what+": status", found.StatusCode, expected)
	holds(what+": no message", found.Message != "")
}

// The other APIs say what it is that isn't there.
func missing(what string, err error, resource, id string) {
	found := refused[*scw.ResourceNotFoundError](what, err)
	same(what, []string{found.Resource, found.ResourceID}, []string{resource, id})
}

// A list asked for page by page, in pages of several sizes, with and without the service's own.
func pages(what string, expected []string, list func(size *uint32) ([]string, uint64)) {
	sizes := []*uint32{nil, scw.Uint32Ptr(1), scw.Uint32Ptr(2), scw.Uint32Ptr(3), scw.Uint32Ptr(100)}
	for _, size := range sizes {
		found, total := list(size)
		same(what, found, expected)
		same(what+": total_count", int(total), len(expected))
	}
}

func each[T, U any](items []T, of func(T) U) []U {
	found := []U{}
	for _, item := range items {
		found = append(found, of(item))
	}
	return found
}

func pointer[T any](value T) *T {
	return &value
}
