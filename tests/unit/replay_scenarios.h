/*
 * What test_replay.c runs: definitions, and what comes of them in its scripted world,
 * where commands say what they do.
 */
#ifndef STEPWELL_REPLAY_SCENARIOS_H
#define STEPWELL_REPLAY_SCENARIOS_H

struct scenario {
	const char *name, *tasks;   /* the value of `do` */
	const char *input, *expect; /* expect: output, or "" for a faulted run */
	const char *use;
};

#define SH(name, command) \
	"{\"" name "\":{\"run\":{\"shell\":{\"command\":\"" command "\"}}}}"
#define CHILD(name)                                                           \
	"{\"" name "\":{\"run\":{\"workflow\":{\"namespace\":\"n\",\"name\":" \
	"\"c\",\"version\":\"1.0.0\"}}}}"
#define SCHEMA(s) "{\"schema\":{\"document\":" s "}}"
#define RETRY(count)                                                              \
	"{\"delay\":{\"seconds\":5},\"backoff\":{\"exponential\":{}},\"limit\":{" \
	"\"attempt\":"                                                            \
	"{\"count\":" #count "}}}"

static const struct scenario scenarios[] = {
	{"three steps", "[" SH("a", "A") "," SH("b", "B") "," SH("c", "C") "]", "{}",
		"\"C\""},
	{"set, context, export",
		"[{\"a\":{\"set\":{\"x\":1},\"export\":{\"as\":\"{y: "
		".x}\"}}}," SH("b", "B") ",{\"c\":{\"set\":{\"z\":\"${ $context.y "
					 "}\",\"s\":\"${ $steps.b }\"}}}]",
		"{}", "{\"z\":1,\"s\":\"B\"}"},
	{"nested blocks and exit",
		"[{\"a\":{\"do\":[" SH(
			"b", "B") ",{\"c\":{\"set\":{\"k\":1},\"then\":\"exit\"}}"
				  "," SH("d", "D") "]}}," SH("e", "E") "]",
		"{}", "\"E\""},
	{"end inside blocks",
		"[{\"a\":{\"do\":[{\"b\":{\"do\":[" SH(
			"c", "C") ",{\"d\":{\"set\":{\"k\":1},\"then\":\"end\"}}]}}]}}"
				  "," SH("e", "E") "]",
		"{}", "{\"k\":1}"},
	{"loop of steps",
		"[{\"l\":{\"for\":{\"in\":\".n\",\"each\":\"e\",\"at\":\"i\"},"
		"\"do\":"
		"[" SH("s", "S") ",{\"t\":{\"set\":{\"e\":\"${ $e }\",\"i\":\"${ $i "
				 "}\"}}}]}}]",
		"{\"n\":[\"p\",\"q\",\"r\"]}", "{\"e\":\"r\",\"i\":2}"},
	{"loop in loop, while and exit",
		"[{\"o\":{\"for\":{\"in\":\"[1,2,3]\",\"each\":\"a\"},\"while\":"
		"\"$a < "
		"3\",\"do\":["
		"{\"i\":{\"for\":{\"in\":\"[7,8]\",\"each\":\"b\"},\"do\":[" SH(
			"s", "S") ",{\"t\":{\"set\":{\"v\":\"${ [$a,$b] "
				  "}\"},\"then\":\"exit\"}}]}}]}}]",
		"{}", "{\"v\":[2,7]}"},
	{"backward then",
		"[{\"z\":{\"set\":{\"n\":0}}},{\"a\":{\"set\":{\"n\":\"${ .n + 1 "
		"}\"}}},"
		"{\"b\":{\"run\":{\"shell\":{\"command\":\"B\"}},\"output\":{"
		"\"as\":\"$"
		"input\"}}},"
		"{\"c\":{\"switch\":[{\"x\":{\"when\":\".n < "
		"4\",\"then\":\"a\"}}]}}]",
		"{}", "{\"n\":4}"},
	{"retry goes on from the failed step",
		"[{\"t\":{\"try\":[" SH("a", "A") "," SH(
			"b", "fail 2") "],\"catch\":{\"retry\":" RETRY(3) "}}}]",
		"{}", "\"fail 2\""},
	{"retry of a block",
		"[{\"t\":{\"try\":[" SH(
			"a", "A") ",{\"s\":{\"set\":{\"z\":1}}},"
				  "{\"r\":{\"if\":\"$context.k | "
				  "not\",\"set\":{\"k\":1},\"export\":{\"as\":\"{k: "
				  "1}\"}}},"
				  "{\"x\":{\"if\":\".k == "
				  "1\",\"raise\":{\"error\":{\"type\":\"https://x/"
				  "e\",\"status\":418}}}}"
				  "],\"catch\":{\"retry\":" RETRY(
					  2) "}}},{\"e\":{\"set\":{\"ok\":true}}}]",
		"{}", "{\"ok\":true}"},
	{"an entry that fails is tried again",
		"[{\"t\":{\"try\":[" SH("a",
			"A") ",{\"x\":{\"if\":\".k == 1\",\"raise\":{"
			     "\"error\":{\"type\":\"https://x/"
			     "e\",\"status\":418}}}}],\"catch\":{\"as\":\"e\","
			     "\"retry\":" RETRY(2) ",\"do\":[{\"s\":{\"set\":{\"st\":\"${"
						   " $e.status }\"}}}]}}}]",
		"{}", "{\"st\":400}"},
	{"handler after spent retries",
		"[{\"t\":{\"try\":[" SH(
			"a", "fail 9") "],\"catch\":{\"as\":\"e\","
				       "\"retry\":" RETRY(1) ",\"do\":[" SH(
					       "h", "H") ",{\"s\":{\"set\":{"
							 "\"st\":\"${ "
							 "$e.status "
							 "}\"}}}]}}}]",
		"{}", "{\"st\":503}"},
	{"handler with a flow",
		"[{\"t\":{\"try\":[" SH("a", "fail 9") "],\"catch\":{\"do\":[" SH(
			"h", "H") "],\"then\":\"z\"}}}," SH("skipped", "no") "," SH("z",
			"Z") "]",
		"{}", "\"Z\""},
	{"try in try",
		"[{\"o\":{\"try\":[{\"i\":{\"try\":[" SH(
			"a", "fail 3") "],\"catch\":{\"errors\":{\"with\":{"
				       "\"status\":404}},"
				       "\"retry\":" RETRY(
					       2) "}}}],"
						  "\"catch\":{\"retry\":" RETRY(5) "}}}]",
		"{}", "\"fail 3\""},
	{"loop in a retried try",
		"[{\"t\":{\"try\":[{\"l\":{\"for\":{\"in\":\"[1,2,3]\"},\"do\":"
		"[" SH("s", "fail 1") "]}}],\"catch\":{\"retry\":" RETRY(5) "}}}]",
		"{}", "\"fail 1\""},
	{"an error in a handler goes out",
		"[{\"t\":{\"try\":[" SH("a", "fail 9") "],\"catch\":{\"do\":[" SH(
			"h", "fail 9") "]}}}]",
		"{}", ""},
	{"wait and timeout",
		"[{\"w\":{\"wait\":{\"hours\":2}}},{\"b\":{\"do\":[{\"v\":{"
		"\"wait\":"
		"\"PT1H\"}}],"
		"\"timeout\":{\"after\":{\"minutes\":1}}}}]",
		"{}", ""},
	{"timeout of a block is retried",
		"[{\"t\":{\"try\":[{\"b\":{\"do\":[" SH(
			"s", "S") ",{\"v\":{\"wait\":\"PT1H\"}}],\"timeout\":{"
				  "\"after\":{"
				  "\"minutes\":1}}}}],\"catch\":{"
				  "\"retry\":" RETRY(2) ",\"do\":[" SH("h", "H") "]}}}]",
		"{}", "\"H\""},
	{"a limit on attempts begins anew with an outer retry",
		"[{\"o\":{\"try\":[{\"i\":{\"try\":[{\"w\":{\"wait\":\"PT1H\"}}],"
		"\"catch\":{"
		"\"errors\":{\"with\":{\"status\":404}},\"retry\":{\"limit\":{"
		"\"attempt\":{"
		"\"duration\":\"PT1S\"}}}}}}],\"catch\":{\"as\":\"e\","
		"\"retry\":" RETRY(
			2) ",\"do\":["
			   "{\"s\":{\"set\":{\"st\":\"${ $e.status }\"}}}]}}}]",
		"{}", "{\"st\":408}"},
	{"a limit on all attempts cuts the one under way",
		"[{\"o\":{\"try\":[{\"w\":{\"wait\":\"PT1S\"}},{\"x\":{\"raise\":{"
		"\"error\":{\"type\":\"https://x/e\",\"status\":418}}}}],\"catch\":{"
		"\"as\":\"e\",\"retry\":{\"limit\":{\"duration\":\"PT3.5S\"}},\"do\":["
		"{\"v\":{\"wait\":\"PT1H\"}},{\"s\":{\"set\":{\"st\":\"${ $e.status "
		"}\"}}}]}}}]",
		"{}", "{\"st\":408}"},
	{"the timeout of a try is not its own to catch",
		"[{\"t\":{\"try\":[{\"w\":{\"wait\":\"PT1H\"}}],\"timeout\":{"
		"\"after\":"
		"\"PT2S\"},"
		"\"catch\":{\"retry\":{\"limit\":{\"attempt\":{\"count\":3,"
		"\"duration\":"
		"\"PT10S\"}}},"
		"\"do\":[{\"s\":{\"set\":{\"k\":1}}}]}}}]",
		"{}", ""},
	{"a condition that fails is the error from there on",
		"[{\"o\":{\"try\":[{\"i\":{\"try\":[{\"x\":{\"raise\":{\"error\":"
		"{"
		"\"type\":\"https://x/e\","
		"\"status\":418}}}}],\"catch\":{\"when\":\"$input.a.b\"}}}],\"catch\":{"
		"\"as\":"
		"\"e\",\"do\":["
		"{\"w\":{\"wait\":\"PT1H\"}},{\"s\":{\"set\":{\"st\":\"${ "
		"$e.status "
		"}\"}}}]}}}]",
		"{\"a\":1}", "{\"st\":400}"},
	{"empty lists and nulls",
		"[{\"e\":{\"do\":[]}},{\"f\":{\"for\":{\"in\":\".none\"},\"do\":"
		"[" SH("s", "S") "]}}," SH("z", "Z") "]",
		"{\"k\":1}", "\"Z\""},
	{"at most once steps",
		"[{\"a\":{\"run\":{\"shell\":{\"command\":\"A\"}},\"metadata\":{"
		"\"onUncertain\":"
		"\"fail\"}}},{\"b\":{\"run\":{\"shell\":{\"command\":\"B\"}},"
		"\"metadata\":{"
		"\"onUncertain\":\"hold\"}}}]",
		"{}", "\"B\""},
	{"input.from and output.as",
		"[{\"a\":{\"input\":{\"from\":\".deep\"},\"do\":[{\"b\":{\"set\":"
		"{\"v\":"
		"\"${ .x }\"}}}," SH("c", "C") "],\"output\":{\"as\":\"{got: ., "
					       "was: $input.x}\"}}}]",
		"{\"deep\":{\"x\":9007199254740993}}",
		"{\"got\":\"C\",\"was\":9007199254740993}"},
	{"functions in a loop, retried",
		"[{\"l\":{\"for\":{\"in\":\"[1,2]\",\"each\":\"e\"},\"do\":[{"
		"\"c\":{"
		"\"call\":\"f\",\"with\":{\"v\":\"${ $e }\"}}}]}}]",
		"{}", "{\"v\":2,\"s\":\"fail 1\"}",
		"{\"functions\":{\"f\":{\"try\":[" SH(
			"s", "fail 1") ",{\"k\":{\"call\":\"g\",\"with\":{\"s\":"
				       "\"${ . }\"}}}]"
				       ",\"catch\":{\"retry\":" RETRY(
					       2) "},\"output\":{\"as\":"
						  "\"{v: $input.v, s: .s}\"}},"
						  "\"g\":{\"set\":{\"s\":\"${ .s "
						  "}\"}}}}"},
	{"extensions around tasks",
		"[{\"a\":{\"run\":{\"shell\":{\"command\":\"A\"}},\"then\":\"c\"}"
		"}," SH("b", "B") ",{\"c\":{\"for\":{\"in\":\"[1,2]\"},\"do\":"
				  "[" SH("d", "D") "]}},{\"m\":{\"set\":{\"k\":2}"
						   "}},{\"e\":{\"if\":\"false\","
						   "\"set\":{\"k\":1}}}]",
		"{}", "{\"k\":1}",
		"{\"extensions\":[{\"x\":{\"extend\":\"all\",\"before\":[" SH(
			"p", "P") "],\"after\":[" SH("q",
			"Q") "]}},{\"y\":{\"extend\":\"set\","
			     "\"before\":[{\"z\":{\"set\":{\"k\":1},\"then\":"
			     "\"exit\"}}]}"
			     "},"
			     "{\"t\":{\"extend\":\"run\",\"when\":\"$task.name "
			     "== "
			     "\\\"a\\\"\","
			     "\"after\":[{\"w\":{\"wait\":\"PT1H\"}}]}}]}"},
	{"listen until a condition",
		"[{\"l\":{\"listen\":{\"to\":{\"any\":[{\"with\":{\"type\":\"t\"}"
		"}],"
		"\"until\":\"length > 2\"}}}}]",
		"{}",
		"[{\"n\":0,\"room\":7},{\"n\":1,\"room\":7},{\"n\":2,\"room\":7}"
		"]"},
	{"listen to all, correlated",
		"[{\"l\":{\"listen\":{\"to\":{\"all\":[{\"with\":{\"data\":{"
		"\"n\":0}},"
		"\"correlate\":{\"room\":{\"from\":\".data.room\"}}},{\"with\":{"
		"\"type\":"
		"\"t\"},\"correlate\":{\"room\":{\"from\":\".data.room\"}}}]}},"
		"\"output\":"
		"{\"as\":\"map(.n)\"}}}]",
		"{}", "[0,1]"},
	{"listen with foreach",
		"[{\"l\":{\"listen\":{\"to\":{\"any\":[],\"until\":\"length >= "
		"3\"}},"
		"\"foreach\":{\"item\":\"ev\",\"at\":\"i\",\"do\":[" SH(
			"s", "S") ",{\"w\":{"
				  "\"wait\":\"PT1H\"}},{\"t\":{\"set\":{\"n\":\"${ "
				  "$ev.n "
				  "}\",\"i\":\"${ $i }\"}}"
				  "}],\"output\":{\"as\":\".n + "
				  ".i\"},\"export\":{\"as\":\"{last: .}\"}}}},"
				  "{\"z\":{\"set\":{\"all\":\"${ . }\",\"c\":\"${ "
				  "$context }\"}}}]",
		"{}", "{\"all\":[0,2,4],\"c\":{\"last\":4}}"},
	{"foreach is left by exit",
		"[{\"l\":{\"listen\":{\"to\":{\"any\":[],\"until\":\"false\"}},"
		"\"foreach\":{"
		"\"do\":[{\"a\":{\"if\":\"$item.n == "
		"1\",\"set\":{\"k\":1},\"then\":"
		"\"exit\"}},{\"b\":{\"set\":{\"k\":0}}}]}}}]",
		"{}", "[{\"k\":0},{\"k\":1}]"},
	{"fork",
		"[{\"f\":{\"fork\":{\"branches\":[" SH("a", "A") "," SH(
			"b", "B") ","
				  "{\"c\":{\"set\":{\"k\":\"${ .n "
				  "}\"}}},{\"skipped\":{\"if\":\"false\",\"set\":"
				  "{\"z\":1}}}]}}},"
				  "{\"e\":{\"set\":{\"got\":\"${ . }\"}}}]",
		"{\"n\":7}", "{\"got\":[\"A\",\"B\",{\"k\":7},{\"n\":7}]}"},
	{"fork of blocks, loops and forks",
		"[{\"f\":{\"fork\":{\"branches\":["
		"{\"a\":{\"do\":[" SH("a1", "A1") "," SH("a2",
			"A2") "]}},"
			      "{\"b\":{\"for\":{\"in\":\"[1,2]\"},\"do\":[" SH("s",
				      "S") "]}},"
					   "{\"c\":{\"fork\":{\"branches\":[" SH("c1",
						   "C1") ",{\"c2\":{\"do\":[" SH("x",
						   "X") ",{\"w\":{\"wait\":"
							"\"PT1H\"}}," SH(
								"y", "Y") "]}}]}}}]}}}"
									  "]",
		"{}", "[\"A2\",\"S\",[\"C1\",\"Y\"]]"},
	{"competing branches",
		"[{\"f\":{\"fork\":{\"compete\":true,\"branches\":["
		"{\"a\":{\"do\":[" SH("a1", "A1") "," SH("a2", "A2") "," SH(
			"a3", "A3") "]}},"
				    "{\"b\":{\"do\":[" SH("b1", "B1") "," SH("b2",
					    "B2") "]}},"
						  "{\"c\":{\"wait\":\"PT1H\"}}]}}}," SH(
							  "z", "Z") "]",
		"{}", "\"Z\""},
	{"a branch that fails is caught outside",
		"[{\"t\":{\"try\":[{\"f\":{\"fork\":{\"branches\":["
		"{\"a\":{\"do\":[" SH("a1", "A1") "," SH(
			"a2", "fail 9") "]}},"
					"{\"b\":{\"do\":[" SH("b1", "B1") "," SH(
						"b2", "B2") "," SH("b3",
						"B3") "]}}]}}}],"
						      "\"catch\":{\"do\":[" SH(
							      "h", "H") "]}}}]",
		"{}", "\"H\""},
	{"a branch that fails is tried again, the others go on",
		"[{\"t\":{\"try\":[{\"f\":{\"fork\":{\"branches\":[" SH(
			"a", "fail 2") ",{\"b\":{\"do\":[" SH("b1", "B1") "," SH("b2",
			"fail 1") "]}},"
				  "{\"c\":{\"wait\":\"PT1M\"}}]}}}],\"catch\":{"
				  "\"retry\":" RETRY(5) "}}}]",
		"{}", "[\"fail 2\",\"fail 1\",{}]"},
	{"a branch that nobody catches faults the run",
		"[{\"f\":{\"fork\":{\"branches\":[" SH("a", "A") "," SH(
			"b", "fail 9") "," SH("c", "C") "]}}}]",
		"{}", ""},
	{"end inside a branch",
		"[{\"f\":{\"fork\":{\"branches\":[" SH(
			"a", "A") ",{\"b\":{\"do\":["
				  "{\"x\":{\"set\":{\"k\":1},\"then\":\"end\"}}]}"
				  "}]}}}," SH("z", "Z") "]",
		"{}", "{\"k\":1}"},
	{"timeout of a fork is retried",
		"[{\"t\":{\"try\":[{\"f\":{\"timeout\":{\"after\":\"PT1M\"},"
		"\"fork\":{\"branches\":[" SH("a",
			"A") ",{\"b\":{\"wait\":\"PT1H\"}},{\"c\":{\"do\":[{"
			     "\"w\":{\"wait\":\"PT50S\"}}," SH("d",
				     "D") "]}}]}}}],\"catch\":{"
					  "\"retry\":" RETRY(2) ",\"do\":"
								"[" SH("h", "H") "]}}}]",
		"{}", "\"H\""},
	{"at most once steps in a fork",
		"[{\"f\":{\"fork\":{\"branches\":["
		"{\"a\":{\"run\":{\"shell\":{\"command\":\"A\"}},\"metadata\":{"
		"\"onUncertain\":\"fail\"}}},"
		"{\"b\":{\"run\":{\"shell\":{\"command\":\"B\"}},\"metadata\":{"
		"\"onUncertain\":\"hold\"}}}"
		"]}}}]",
		"{}", "[\"A\",\"B\"]"},
	{"a raise in a branch repeats the block",
		"[{\"t\":{\"try\":[" SH("a", "A") ",{\"f\":{\"fork\":{\"branches\":[" SH(
			"b", "B") ","
				  "{\"r\":{\"raise\":{\"error\":{\"type\":\"https://x/"
				  "e\",\"status\":418}}}}]}}}],"
				  "\"catch\":{\"retry\":" RETRY(2) ",\"do\":[" SH(
					  "h", "H") "]}}}]",
		"{}", "\"H\""},
	{"an input that is refused is asked for again, then handled",
		"[{\"t\":{\"try\":[{\"a\":{\"input\":" SCHEMA(
			"false") ",\"run\":{"
				 "\"shell\":{\"command\":\"A\"}}}}],\"catch\":{"
				 "\"retry\":" RETRY(2) ",\"do\":[" SH(
					 "h", "H") "]}}}," SH("z", "Z") "]",
		"{}", "\"Z\""},
	{"an output that is refused is asked for again, then faults the run",
		"[" SH("b", "B") ",{\"t\":{\"try\":[{\"a\":{\"output\":" SCHEMA(
			"{\"const\":1}") ",\"run\":{\"shell\":{\"command\":\"A\"}}}}],"
					 "\"catch\":{\"retry\":" RETRY(2) "}}}]",
		"{}", ""},
	{"an output that is refused may be asked for once",
		"[{\"t\":{\"try\":[{\"a\":{\"output\":" SCHEMA(
			"false") ",\"run\":{\"shell\":{\"command\":\"A\"}},\"metadata\":{"
				 "\"onUncertain\":\"fail\"}}}],\"catch\":{"
				 "\"retry\":" RETRY(2) ",\"do\":[" SH("h", "H") "]}}}]",
		"{}", "\"H\""},
	{"a context that is refused is not the context",
		"[{\"t\":{\"try\":[{\"a\":{\"set\":{\"n\":1},\"export\":{\"as\":\".\","
		"\"schema\":{\"document\":false}}}}],\"catch\":{}}}," SH(
			"b", "B") ",{\"z\":{\"set\":\"${ $context }\"}}]",
		"{\"k\":1}", "{\"k\":1}"},
	{"children, alone and at once, in time",
		"[" CHILD("a") ",{\"f\":{\"timeout\":{\"after\":\"P1D\"},\"fork\":{"
			       "\"branches\":[" CHILD("b") "," CHILD(
				       "c") ","
					    "{\"d\":{\"wait\":\"PT1H\"}}," SH(
						    "e", "E") "]}}}]",
		"{}", "[\"child\",\"child\",\"child\",\"E\"]"},
	{"children in a retried block",
		"[{\"t\":{\"try\":[" CHILD("a") "," SH("b", "fail 2") "," CHILD(
			"c") "],\"catch\":{\"retry\":" RETRY(3) "}}}]",
		"{}", "\"child\""},
	{"what was lost is sent again",
		"[{\"f\":{\"fork\":{\"branches\":[" SH("a", "lose 1") "," SH(
			"b", "B") ",{\"c\":{\"wait\":\"PT1M\"}}," CHILD("d") "]}}}]",
		"{}", "[\"lose 1\",\"B\",{},\"child\"]"},
	{"what was lost is held, then retried with another id",
		"[" SH("z", "Z") ",{\"f\":{\"fork\":{\"branches\":[{\"a\":{\"run\":{"
				 "\"shell\":{\"command\":\"lose 1\"}},\"metadata\":{"
				 "\"onUncertain\":\"hold\"}}},{\"b\":{\"wait\":"
				 "\"PT1M\"}}]}}}]",
		"{}", "[\"lose 1\",\"Z\"]"},
	{"what was lost is held, and known to be done",
		"[" SH("z", "Z") ",{\"f\":{\"fork\":{\"branches\":[{\"known\":{\"run\":{"
				 "\"shell\":{\"command\":\"lose 9\"}},\"metadata\":{"
				 "\"onUncertain\":\"hold\"},\"output\":{\"as\":\"${ . + "
				 "\\\"!\\\" }\"}}},{\"b\":{\"wait\":\"PT1M\"}}]}}}]",
		"{}", "[\"done!\",\"Z\"]"},
	{"what was lost is undone",
		"[{\"t\":{\"try\":[" SH("a",
			"A") ",{\"b\":{\"run\":{\"shell\":{"
			     "\"command\":\"lose 1\"}},\"metadata\":{"
			     "\"onUncertain\":\"fail\"}}}],"
			     "\"catch\":{\"as\":\"e\",\"do\":[" SH("u1",
				     "fail 0") ",{\"w\":{\"wait\":"
					       "\"PT1M\"}},{\"x\":{"
					       "\"try\":[" SH("u2",
						       "fail 2") "],\"catch\":{"
								 "\"retry\":" RETRY(
									 3) "}}},{\"s\":{"
									    "\"set\":{"
									    "\"st\":\"${ "
									    "$e.status "
									    "}\"}}}]}}}]",
		"{}", "{\"st\":500}"},
	{"checkpoints",
		"[{\"a\":{\"set\":{\"n\":1},\"metadata\":{\"checkpoint\":true}}},"
		"{\"b\":{\"set\":{\"n\":\"${ .n "
		"}\"},\"metadata\":{\"checkpoint\":true}}}]",
		"{}", "{\"n\":1}"},
};

#endif
