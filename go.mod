module github.com/spancost/spancost

go 1.26.0
