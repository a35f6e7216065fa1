// SPDX-License-Identifier: Apache-2.0

// Command kafka is a broker that speaks Kafka's protocol and keeps its records in memory, for the end-to-end test of
// kafka-agent.yaml and kafka-gateway.yaml: kafka PORT TOPIC PARTITIONS. It says "ready" and runs until it is told to stop.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(words []string) error {
	const expected = 3
	if len(words) != expected {
		return fmt.Errorf("found %d arguments; expected PORT TOPIC PARTITIONS", len(words))
	}
	port, err := strconv.Atoi(words[0])
	if err != nil {
		return fmt.Errorf("PORT: %w", err)
	}
	partitions, err := strconv.ParseInt(words[2], 10, 32)
	if err != nil {
		return fmt.Errorf("PARTITIONS: %w", err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.SeedTopics(int32(partitions), words[1]))
	if err != nil {
		return err
	}
	defer broker.Close()
	fmt.Println("ready", broker.ListenAddrs())
	<-stop
	return nil
}
