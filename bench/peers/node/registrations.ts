// A NestJS service with Prisma that registers phones as Cal.com's API does: key by its hash, body
// validated, subscription upserted, answer in the envelope. Express, as Cal.com has it.
//
// It does less than Cal.com's, each time in its favour: no request limit, no fetch of the user, no
// request log, no metrics. NestJS is of the major version that Cal.com has, Prisma the newest: its
// newer query compiler is the faster one.
import "reflect-metadata";

import { PrismaPg } from "@prisma/adapter-pg";
import { Platform, PrismaClient, SubscriptionType } from "@prisma/client";
import {
  ArgumentsHost,
  BadRequestException,
  Body,
  CanActivate,
  Catch,
  Controller,
  createParamDecorator,
  ExceptionFilter,
  ExecutionContext,
  HttpException,
  Injectable,
  Module,
  Post,
  UnauthorizedException,
  UseGuards,
  ValidationError,
  ValidationPipe,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { IsEnum, IsNotEmpty, IsString, Matches } from "class-validator";
import { createHash } from "node:crypto";

class RegisterInput {
  @IsString()
  @IsNotEmpty()
  @Matches(/^ExponentPushToken\[.+\]$/, {
    message: "token must be a valid Expo Push Token (ExponentPushToken[...])",
  })
  token!: string;

  @IsEnum(Platform)
  platform!: Platform;

  @IsString()
  @IsNotEmpty()
  deviceId!: string;
}

const User = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest().userId,
);

@Injectable()
class Database extends PrismaClient {
  constructor() {
    super({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) });
  }
}

@Injectable()
class ApiKeyGuard implements CanActivate {
  constructor(private readonly database: Database) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest();
    const key = (request.headers.authorization ?? "").replace("Bearer ", "");
    if (!key.startsWith("cal_")) throw new UnauthorizedException("Invalid Access Token.");
    const hashedKey = createHash("sha256").update(key.slice("cal_".length)).digest("hex");
    const known = await this.database.apiKey.findUnique({ where: { hashedKey } });
    if (!known) throw new UnauthorizedException("Invalid API Key");
    if (known.expiresAt && known.expiresAt < new Date()) {
      throw new UnauthorizedException("Your api key is expired");
    }
    request.userId = known.userId;
    return true;
  }
}

@Injectable()
class Subscriptions {
  constructor(private readonly database: Database) {}

  async register(userId: number, input: RegisterInput) {
    const type = SubscriptionType.APP_PUSH;
    const { token: identifier, platform, deviceId } = input;
    return this.database.subscription.upsert({
      where: { userId_type_identifier: { userId, type, identifier } },
      create: { userId, type, identifier, platform, deviceId },
      update: { platform, deviceId, lastSeenAt: new Date() },
    });
  }
}

@Controller("/v2/notifications/subscriptions/app-push")
@UseGuards(ApiKeyGuard)
class SubscriptionsController {
  constructor(private readonly subscriptions: Subscriptions) {}

  @Post()
  async register(@User() userId: number, @Body() body: RegisterInput) {
    const { lastSeenAt: _, ...data } = await this.subscriptions.register(userId, body);
    return { status: "success", data };
  }
}

@Catch(HttpException)
class Envelope implements ExceptionFilter {
  catch(exception: HttpException, host: ArgumentsHost) {
    const http = host.switchToHttp();
    http.getResponse().status(exception.getStatus()).json({
      status: "error",
      timestamp: new Date().toISOString(),
      path: http.getRequest().url,
      error: {
        code: exception.name,
        message: exception.message,
        details: exception.getResponse(),
      },
    });
  }
}

@Module({
  controllers: [SubscriptionsController],
  providers: [Database, Subscriptions, ApiKeyGuard],
})
class Service {}

async function main(): Promise<void> {
  const app = await NestFactory.create(Service, { logger: ["error"] });
  app.useGlobalPipes(
    new ValidationPipe({
      whitelist: true,
      transform: true,
      exceptionFactory: (errors: ValidationError[]) => new BadRequestException({ errors }),
    }),
  );
  app.useGlobalFilters(new Envelope());
  await app.listen(0, "127.0.0.1");
  console.log(app.getHttpServer().address().port);
}

main();
