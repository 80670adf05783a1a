-- All live rows of one kind. ARGV: index, rows, beginning of the kind's members. Answers with member and row of each.
local answer = {}
for _, member in ipairs(redis.call('ZRANGEBYLEX', ARGV[1], '[' .. ARGV[3], '(' .. ARGV[3] .. '\255')) do
  answer[#answer + 1] = member
  answer[#answer + 1] = redis.call('HGET', ARGV[2], member)
end
return answer
