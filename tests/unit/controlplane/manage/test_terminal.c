// What becomes of terminals and of what was typed at them: subinterfaces that change under the
// counters, the two passwords, sessions that end or say nothing.
#include "terminal_test.h"

// The number of a subinterface's interface is used again: its counters begin afresh.
static void subinterface_counters(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	run(t, "configure terminal");
	for (unsigned i = 10; i < 40; i++) { // more than there were interfaces at the start
		char line[64];

		snprintf(line, sizeof(line), "interface FastEthernet0.%u", i);
		run(t, line);
		snprintf(line, sizeof(line), "encapsulation dot1Q %u", i);
		run(t, line);
		assert_false(t->failed);
	}
	run(t, "do clear counters");
	has(run(t, "do show interfaces fa0.39"), "counters 00:00:0");
	has(run(t, "do show interfaces fa0.10"), "counters 00:00:0");
	run(t, "interface FastEthernet0.10");
	run(t, "encapsulation dot1Q 100");
	has(run(t, "do show interfaces fa0.10"), "counters never");
	has(run(t, "do show interfaces fa0.11"), "counters 00:00:0");
	for (unsigned i = 10; i < 40; i++) {
		char line[64];

		snprintf(line, sizeof(line), "no interface FastEthernet0.%u", i);
		run(t, line);
	}
	run(t, "end");
	terminal_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subinterface_counters),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
