module sessionwatch.test/gossf

go 1.25
