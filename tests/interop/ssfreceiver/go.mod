module sessionwatch.test/ssfreceiver

go 1.25
