# A daemon at /run/fake.sock that behaves as /run/fake-mode says. Only what perl-base has.
use strict;
use Socket;
use Fcntl;

sub mode { open(my $file, "<", "/run/fake-mode") or die $!; my $mode = <$file>; chomp $mode; $mode }
my $mode = mode();
my $address = sockaddr_un("/run/fake.sock");
$SIG{PIPE} = $SIG{CHLD} = "IGNORE";
unlink "/run/fake.sock";
socket(my $server, PF_UNIX, SOCK_STREAM, 0) or die $!;
bind($server, $address) or die $!;
listen($server, $mode eq "backlog" ? 0 : 64) or die $!;
my @callers;
if ($mode eq "backlog") {
    for (1 .. 8) {
        socket(my $caller, PF_UNIX, SOCK_STREAM, 0) or die $!;
        fcntl($caller, F_SETFL, O_NONBLOCK) or die $!;
        connect($caller, $address);
        push @callers, $caller;
    }
    sleep 1 while 1;
}
my $head = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n";
while (accept(my $caller, $server)) {
    next if fork;
    $mode = mode();
    my $goes_on = sub { $mode eq mode() };
    sysread($caller, my $request, 4096);
    my $say = sub { defined syswrite($caller, $_[0]) or exit };
    if ($mode eq "mute") { sleep 1 while $goes_on->() }
    elsif ($mode eq "garbage") { $say->("\x16\x03\x01\xff no HTTP at all\n\0\n") }
    elsif ($mode eq "endless") { $say->($head . "\r\n"); $say->("x" x 65536) while 1 }
    elsif ($mode eq "trickle") { $say->($head . "\r\n"); $say->("x"), sleep 1 while $goes_on->() }
    elsif ($mode eq "truncated") { $say->($head . "Content-Length: 1000\r\n\r\n{\"Driver\"") }
    elsif ($mode eq "failing") { $say->("HTTP/1.0 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n") }
    elsif ($mode eq "slow") { sleep 2; $say->($head . "Content-Length: 2\r\n\r\n{}") }
    exit;
}
