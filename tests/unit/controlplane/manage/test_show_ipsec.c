// What `show crypto ipsec` says of encapsulation modes; test_format.c has the whole text.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "addr.h"
#include "child.h"
#include "load.h"
#include "show_ipsec.h"
#include "text.h"

static void sa_in_transport_mode(void **state)
{
	struct view flow = {.kind = VIEW_FLOW, .flow = {.iface = "FastEthernet0", .mtu = 1500}};
	struct view child = {.kind = VIEW_CHILD};
	struct ipsec_format f = {0};
	struct text t = {0};

	(void)state;
	addr_parse("10.2.80.209", &flow.flow.peer);
	child.child = (struct child_view){
		.state = CHILD_LIVE,
		.suite = {.cipher = SA_CIPHER_AES_CBC,
	                  .auth = SA_AUTH_HMAC_SHA256_128,
	                  .mode = SA_MODE_TRANSPORT,
	                  .key_bits = 256},
		.in = {.live = true, .spi = 0x4f83f5f4},
	};
	ipsec_format_view(&f, &flow, &t);
	ipsec_format_view(&f, &child, &t);
	ipsec_format_end(&f, &t);
	assert_non_null(strstr(t.data, "        in use settings ={Transport, }\n"));
	// 1500 - 20 - 8 - 16 - 16 = 1440, whole blocks; without trailer, with the header in front.
	assert_non_null(strstr(t.data, "     plaintext mtu 1458, path mtu 1500,"));
	text_fini(&t);
}

// What an SA has dropped, by reason; and flows without their SAs.
static void sa_in_detail(void **state)
{
	struct view flow = {.kind = VIEW_FLOW, .flow = {.iface = "FastEthernet0", .mtu = 1500}};
	struct view child = {.kind = VIEW_CHILD};
	struct ipsec_format detail = {.detail = true}, identity = {.identity = true};
	struct text t = {0};

	(void)state;
	child.child = (struct child_view){
		.state = CHILD_LIVE,
		.suite = {.cipher = SA_CIPHER_AES_GCM_16, .key_bits = 256},
		.in = {.live = true,
	               .spi = 0x4f83f5f4,
	               .packets = 4,
	               .drops = 15,
	               .verify_failed = 3,
	               .replayed = 5,
	               .bad_identity = 6},
		.out = {.live = true, .spi = 0x1000, .drops = 2},
	};
	ipsec_format_view(&detail, &flow, &t);
	ipsec_format_view(&detail, &child, &t);
	ipsec_format_end(&detail, &t);
	assert_non_null(strstr(t.data,
	                       "        replay detection support: N\n"
	                       "        #pkts verify failed: 3, #pkts replay failed (rcv): 5\n"
	                       "        #pkts invalid identity (recv) 6, "
	                       "#pkts internal err (recv) 1\n"
	                       "        Status: ACTIVE(ACTIVE)\n"));
	assert_non_null(strstr(t.data, "        #pkts internal err (send): 2\n"));
	text_fini(&t);
	ipsec_format_view(&identity, &flow, &t);
	ipsec_format_view(&identity, &child, &t);
	ipsec_format_end(&identity, &t);
	assert_non_null(strstr(t.data, "    #pkts decaps: 4, #pkts decrypt: 4, #pkts verify: 4\n"));
	assert_non_null(strstr(t.data, "    #send errors 2, #recv errors 15\n\n"));
	assert_null(strstr(t.data, "crypto endpt."));
	assert_null(strstr(t.data, "esp sas"));
	assert_null(strstr(t.data, "No SAs"));
	text_fini(&t);
}

static void transform_sets(void **state)
{
	static const char text[] =
		"crypto ipsec transform-set a esp-gcm 256\n"
		"crypto ipsec transform-set b esp-gcm\n mode transport\n"
		"crypto ipsec transform-set c esp-gcm\n mode transport require\n";
	struct config *c = NULL;
	struct diag_list d;
	struct text t = {0};

	(void)state;
	load_text("test", text, strlen(text), &c, &d);
	diag_fini(&d);
	assert_non_null(c);
	ipsec_transform_sets(c, &t);
	assert_string_equal(
		t.data, "Transform set a: { esp-gcm 256  } \n   will negotiate = { Tunnel,  }, \n\n"
			"Transform set b: { esp-gcm  } \n   will negotiate = { Transport,  }, \n\n"
			"Transform set c: { esp-gcm  } \n   will negotiate = { Transport require,  "
			"}, \n\n");
	text_fini(&t);
	config_free(c);
}

static void no_sa(void **state)
{
	struct ipsec_format f = {0};
	struct text t = {0};

	(void)state;
	ipsec_format_end(&f, &t);
	assert_string_equal(t.data, "\nNo SAs found\n");
	text_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sa_in_transport_mode),
		cmocka_unit_test(sa_in_detail),
		cmocka_unit_test(no_sa),
		cmocka_unit_test(transform_sets),
	};

	return cmocka_run_group_tests_name("show_ipsec", tests, NULL, NULL);
}
