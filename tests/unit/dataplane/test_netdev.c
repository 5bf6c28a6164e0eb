// What the device below a net_af_packet port has lost: its directory in sysfs is the test's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netdev.h"
#include "sysfs.h"

static char root[] = "/tmp/vigil-netdev-XXXXXX";
static const char *driver;
static bool has_sysfs;

int __wrap_rte_eth_dev_info_get(uint16_t port, struct rte_eth_dev_info *info);
int __wrap_sysfs_interface(uint16_t port, unsigned if_index);

int __wrap_rte_eth_dev_info_get(uint16_t port, struct rte_eth_dev_info *info)
{
	*info = (struct rte_eth_dev_info){.driver_name = driver, .if_index = port + 40u};
	return 0;
}

int __wrap_sysfs_interface(uint16_t port, unsigned if_index)
{
	assert_int_equal(if_index, port + 40u);
	return has_sysfs ? open(root, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
}

static const char *path_of(const char *counter)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/statistics/%s", root, counter);
	return path;
}

// In place, as a file of sysfs changes.
static void set(const char *counter, const char *text)
{
	int fd = open(path_of(counter), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static const char *const all[] = {"rx_missed_errors", "rx_fifo_errors", "rx_over_errors",
                                  "rx_dropped",       "rx_errors",      "rx_crc_errors",
                                  "rx_length_errors", "rx_nohandler",   "rx_frame_errors"};

static int start(void **state)
{
	(void)state;
	driver = "net_af_packet";
	has_sysfs = true;
	for (unsigned i = 0; i < RTE_DIM(all); i++)
		set(all[i], "1000\n");
	return 0;
}

// What it lost before it was the port's is not the port's loss.
static void since_it_was_opened(void **state)
{
	struct netdev *n = netdev_open(2);

	(void)state;
	assert_non_null(n);
	assert_int_equal(netdev_losses(n), 0);
	set("rx_missed_errors", "1007\n");
	assert_int_equal(netdev_losses(n), 7);
	assert_int_equal(netdev_losses(n), 7);
	set("rx_fifo_errors", "1020\n");
	assert_int_equal(netdev_losses(n), 27);
	set("rx_over_errors", "1300\n");
	set("rx_missed_errors", "1008\n");
	assert_int_equal(netdev_losses(n), 328);
	netdev_close(n);
}

// What rises on a healthy port, or says nothing of room, postpones no verdict.
static void others_are_noise(void **state)
{
	struct netdev *n = netdev_open(2);

	(void)state;
	for (unsigned i = 3; i < RTE_DIM(all); i++)
		set(all[i], "5000\n");
	assert_int_equal(netdev_losses(n), 0);
	netdev_close(n);
}

// A driver that begins anew has not lost 2^64 frames, nor all those again that it had told.
static void reset(void **state)
{
	struct netdev *n = netdev_open(2);

	(void)state;
	set("rx_missed_errors", "1010\n");
	assert_int_equal(netdev_losses(n), 10);
	set("rx_missed_errors", "0\n");
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(netdev_losses(n), 10);
	set("rx_missed_errors", "3\n");
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(netdev_losses(n), 13);
	netdev_close(n);
}

static void wraps(void **state)
{
	struct netdev *n;

	(void)state;
	set("rx_fifo_errors", "4294967290\n"); // 32 bits
	set("rx_over_errors", "18446744073709551610\n");
	n = netdev_open(2);
	set("rx_fifo_errors", "4294967295\n");
	set("rx_over_errors", "18446744073709551615\n");
	assert_int_equal(netdev_losses(n), 10);
	set("rx_fifo_errors", "2\n");
	set("rx_over_errors", "4\n");
	assert_int_equal(netdev_losses(n), 10);
	set("rx_fifo_errors", "3\n");
	set("rx_over_errors", "5\n");
	assert_int_equal(netdev_losses(n), 12);
	netdev_close(n);
}

// Nothing can be read of a device that is no more, and one that was made again is another one.
static void deleted(void **state)
{
	struct netdev *n = netdev_open(2);

	(void)state;
	set("rx_missed_errors", "1001\n");
	assert_int_equal(netdev_losses(n), 1);
	set("rx_missed_errors", "");
	assert_int_equal(netdev_losses(n), 1);
	unlink(path_of("rx_missed_errors"));
	set("rx_missed_errors", "9000\n");
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(netdev_losses(n), 1);
	netdev_close(n);
}

static unsigned files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void cannot_be_asked(void **state)
{
	unsigned before = files();

	(void)state;
	assert_int_equal(netdev_losses(NULL), 0);
	netdev_close(NULL);
	driver = "net_tap";
	assert_null(netdev_open(2));
	driver = "net_af_packet";
	has_sysfs = false;
	assert_null(netdev_open(2));
	has_sysfs = true;
	unlink(path_of("rx_fifo_errors"));
	assert_null(netdev_open(2));
	set("rx_fifo_errors", "");
	assert_null(netdev_open(2));
	set("rx_fifo_errors", "0\n");
	netdev_close(netdev_open(2));
	assert_int_equal(files(), before);
}

static int make_root(void **state)
{
	(void)state;
	return mkdtemp(root) && mkdir(path_of(""), 0700) == 0 ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RTE_DIM(all); i++)
		unlink(path_of(all[i]));
	rmdir(path_of(""));
	return rmdir(root);
}

#define TEST(name) cmocka_unit_test_setup(name, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(since_it_was_opened),
		TEST(others_are_noise),
		TEST(reset),
		TEST(wraps),
		TEST(deleted),
		TEST(cannot_be_asked),
	};

	return cmocka_run_group_tests_name("netdev", tests, make_root, remove_root);
}
